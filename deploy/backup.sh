#!/usr/bin/env bash
# A consistent copy of a node's database, taken while the node runs, then read back.
#   backup.sh SETTINGS.toml FOLDER
# KEEP_DAYS (default 30): older copies made by this script in FOLDER are removed.
# The data key (secret_file) is not in the copy: a backup that is stolen stays unreadable.
set -euo pipefail
umask 077

settings=${1:?settings file} folder=${2:?folder for the copies}
python=${WUJI_PYTHON:-python3}
stamp=$(date -u +%Y%m%dT%H%M%SZ)
url=${WUJI_DATABASE_URL:-$("$python" -c '
import sys, tomllib
with open(sys.argv[1], "rb") as file: print(tomllib.load(file)["database_url"])' "$settings")}
mkdir -p "$folder"

case $url in
  sqlite:///*)
    copy=$folder/wuji-$stamp.sqlite
    "$python" - "${url#sqlite:///}" "$copy.part" <<'PY'
import sqlite3, sys
# mode=rw: a mistyped path must fail, not make an empty database and back that up
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=rw", uri=True)
copy = sqlite3.connect(sys.argv[2])
source.backup(copy)
[verdict] = copy.execute("PRAGMA integrity_check").fetchone()
copy.close()
sys.exit(None if verdict == "ok" else f"the copy is damaged: {verdict}")
PY
    ;;
  postgresql*)
    copy=$folder/wuji-$stamp.pgdump
    pg_dump --format=custom --no-owner --file="$copy.part" "${url/postgresql+psycopg:/postgresql:}"
    pg_restore --list "$copy.part" >/dev/null
    ;;
  *) echo "neither SQLite nor Postgres: ${url%%:*}" >&2; exit 2 ;;
esac

mv "$copy.part" "$copy"  # only whole, readable copies carry the name
sync "$copy"
find "$folder" -maxdepth 1 -name 'wuji-*T*Z.*' -mtime "+${KEEP_DAYS:-30}" -delete
echo "$copy"
