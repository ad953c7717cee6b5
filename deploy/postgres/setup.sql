-- One database for one node. Run once, as the database superuser:
--   runuser -u postgres -- psql -v node=wuji_county -f deploy/postgres/setup.sql
-- The role has no password: it is the system account wuji, let in by Debian's default
-- `local all all peer`. For a server elsewhere give it one (\password wuji) and use TLS.
\set ON_ERROR_STOP on

SELECT 'CREATE ROLE wuji LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wuji') \gexec

-- C.UTF-8: same order on every machine and version, so an operating system upgrade breaks no index.
CREATE DATABASE :"node" OWNER wuji TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE :"node" FROM PUBLIC;

-- What was committed must survive a power cut, whatever the server's own default is.
ALTER DATABASE :"node" SET synchronous_commit = 'on';
ALTER DATABASE :"node" SET timezone = 'UTC';
-- Nobody holds a lock through lunch: a forgotten session ends by itself.
ALTER DATABASE :"node" SET idle_in_transaction_session_timeout = '10min';
