#!/usr/bin/env bash
# Puts a copy made by backup.sh in the place of a node's database. Stop the node first.
#   restore.sh SETTINGS.toml COPY
# SQLite: what stood there is kept beside it (.before-…). Postgres: the database must be empty.
# Afterwards: wuji verify, and read 恢复备份 in docs/operators.zh.md before anybody works.
set -euo pipefail
umask 077

settings=${1:?settings file} copy=${2:?copy made by backup.sh}
python=${WUJI_PYTHON:-python3}
stamp=$(date -u +%Y%m%dT%H%M%SZ)
url=${WUJI_DATABASE_URL:-$("$python" -c '
import sys, tomllib
with open(sys.argv[1], "rb") as file: print(tomllib.load(file)["database_url"])' "$settings")}
[[ -r $copy ]] || { echo "cannot read $copy" >&2; exit 2; }

case $url in
  sqlite:///*)
    target=${url#sqlite:///}
    cp "$copy" "$target.part"
    # -wal and -shm belong to the old file: left behind, they would be played into the new one.
    for file in "$target" "$target-wal" "$target-shm"; do
      [[ ! -e $file ]] || mv "$file" "$file.before-$stamp"
    done
    mv "$target.part" "$target"
    ;;
  postgresql*)
    plain=${url/postgresql+psycopg:/postgresql:}
    tables=$(psql --no-psqlrc -tA -d "$plain" -c \
      "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relkind = 'r'")
    ((tables == 0)) || { echo "the database is not empty ($tables tables)" >&2; exit 2; }
    pg_restore --exit-on-error --single-transaction --no-owner --dbname="$plain" "$copy"
    ;;
  *) echo "neither SQLite nor Postgres: ${url%%:*}" >&2; exit 2 ;;
esac
echo "restored $copy"
