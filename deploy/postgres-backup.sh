#!/usr/bin/env bash
# Keeps a PostgreSQL database of 聚宝 Pay, and brings it back as it was at any moment: verified base backups, and
# the write-ahead log (WAL) since. docs/guide/operate.md says how to set it up and how to practise.
#
#   postgres-backup.sh settings DIR            prints what the server's configuration needs
#   postgres-backup.sh wal DIR %p %f           archives one WAL file (the server's archive_command)
#   postgres-backup.sh base DIR                makes a base backup, verified, and prints its folder
#   postgres-backup.sh fetch DIR %f %p         brings one WAL file back (restore_command)
#   postgres-backup.sh restore BASE DIR DATA [TIME]
#                                              makes the data folder DATA out of a base backup and the archive,
#                                              as of TIME ('2026-11-30 09:00:00+08'), or of the last WAL file
#   postgres-backup.sh prune DIR KEEP          removes all but the last KEEP base backups, and WAL older than they
#
# DIR is the archive: on another machine's disk than the database, readable by nobody else. The server is named by
# PGHOST, PGPORT, PGUSER and PGPASSFILE, as PostgreSQL's own programs have it; the role needs REPLICATION.
# The key that secrets are sealed under (master.key) is not in the database: keep it elsewhere.
set -euo pipefail
umask 077
export LC_ALL=C

fail() { echo "postgres-backup: $*" >&2; exit 1; }
self=$(realpath "$0")

# An absolute path without signs that a configuration or a shell would read as something else.
checked() {
  case $1 in
    /*) ;;
    *) fail "$1: write the whole path" ;;
  esac
  case $1 in
    *[!A-Za-z0-9_./-]*) fail "$1: only letters, digits and _ . / - in paths" ;;
  esac
}

settings() {
  cat <<END
wal_level = replica
archive_mode = on
archive_timeout = 60          # at most so many seconds are lost when the machine is
archive_command = '$self wal $1 %p %f'
END
}

# Succeeds only when the file is whole, on disk and under its name: the server keeps it until then.
wal() {
  local dir=$1 from=$2 name=$3
  mkdir -p "$dir/wal"
  if [ -e "$dir/wal/$name" ]; then
    # After a crash the server may send the same file again; another one of that name is another server's.
    cmp -s "$from" "$dir/wal/$name" || fail "$name is in the archive already, with other contents"
    return
  fi
  cp "$from" "$dir/wal/.$name.partial"
  sync "$dir/wal/.$name.partial"
  mv "$dir/wal/.$name.partial" "$dir/wal/$name"
  sync "$dir/wal"
}

base() {
  local dir=$1 name
  name=base-$(date -u +%Y%m%dT%H%M%SZ)
  [ ! -e "$dir/$name" ] || fail "$dir/$name is there already"
  rm -rf "$dir"/.base-*.partial
  mkdir -p "$dir"
  pg_basebackup -w -D "$dir/.$name.partial" --checkpoint=fast --wal-method=stream --manifest-checksums=SHA256 >&2
  pg_verifybackup --quiet "$dir/.$name.partial" >&2
  sync
  mv "$dir/.$name.partial" "$dir/$name"
  sync "$dir"
  echo "$dir/$name"
}

# Every WAL file that is asked for and is not there ends the recovery: that is no fault.
fetch() {
  local dir=$1 name=$2 to=$3
  [ -e "$dir/wal/$name" ] || return 1
  cp "$dir/wal/$name" "$to"
}

restore() {
  local base=$1 dir=$2 data=$3 time=${4-}
  case $time in
    *[!0-9A-Za-z:+./\ -]*) fail "$time: write a time like '2026-11-30 09:00:00+08'" ;;
  esac
  [ ! -e "$data" ] || [ -z "$(ls -A "$data")" ] || fail "$data is not empty: move it away first"
  pg_verifybackup --quiet "$base" >&2
  mkdir -p "$data"
  cp -a "$base/." "$data/"
  chmod 700 "$data"
  {
    echo "restore_command = '$self fetch $dir %f %p'"
    echo "recovery_target_action = promote"
    [ -z "$time" ] || echo "recovery_target_time = '$time'"
    # What is brought back may not write into the archive of what it comes from, before somebody says so.
    echo "archive_mode = off"
  } >> "$data/postgresql.auto.conf"
  touch "$data/recovery.signal"
  sync
  echo "$data is ready: start the server on it, look at it (jubao admin check), then turn archive_mode on again" >&2
}

prune() {
  local dir=$1 keep=$2 oldest first
  [ "$keep" -ge 1 ] || fail "keep at least one base backup"
  ls -d "$dir"/base-* 2>/dev/null | sort -r | tail -n "+$((keep + 1))" | while read -r old; do rm -rf "$old"; done
  oldest=$(ls -d "$dir"/base-* | sort | head -n 1)
  first=$(sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]\{24\}\))$/\1/p' "$oldest/backup_label")
  [ -n "$first" ] || fail "$oldest does not say where its WAL begins"
  pg_archivecleanup "$dir/wal" "$first"
}

command=${1-}
shift || true
case $command in
  settings) [ $# -eq 1 ] || fail "settings DIR"; checked "$1"; settings "$@" ;;
  wal) [ $# -eq 3 ] || fail "wal DIR %p %f"; wal "$@" ;;
  base) [ $# -eq 1 ] || fail "base DIR"; checked "$1"; base "$@" ;;
  fetch) [ $# -eq 3 ] || fail "fetch DIR %f %p"; fetch "$@" ;;
  restore)
    [ $# -eq 3 ] || [ $# -eq 4 ] || fail "restore BASE DIR DATA [TIME]"
    checked "$1"; checked "$2"; checked "$3"; restore "$@" ;;
  prune) [ $# -eq 2 ] || fail "prune DIR KEEP"; checked "$1"; prune "$@" ;;
  *) fail "settings, wal, base, fetch, restore or prune; the head of $self says more" ;;
esac
