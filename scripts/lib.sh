# lib.sh: what scripts/demo and scripts/test share: packages, build, installation and a private server.
#
# The private server listens on a Unix socket only. Its cluster and socket lie in one directory under
# /var/tmp that belongs to the user who runs it: the caller, or "postgres" when the caller is root (the
# server refuses to run as root). Clients always run as the caller, so the clone may be closed to others.
# Clusters and services of the system are never touched.
#
# The scripts call "begin" first; "finish", run on every way out, undoes what must not stay.

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
createcluster_conf=/etc/postgresql-common/createcluster.conf
createcluster_saved=$createcluster_conf.before-course_recsys

directory=          # of the private server, once known
keep_directory=no   # yes: finish leaves it for a later call
job=                # process group of the running job
no_prompt=          # yes: sudo must not ask for the password

# Prints a heading.
say() {
	printf '==> %s\n' "$*"
}

# Prints an error and ends the script.
die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# Sets the traps, and forgets connection settings of the caller (PGHOST, PGSERVICE, PGOPTIONS, ...).
begin() {
	local name
	for name in $(compgen -e PG); do
		[ "$name" = PG_MAJOR ] || unset "$name"
	done
	cd "$top"
	trap finish EXIT
	catch_signals
}

# Signals end the script through the EXIT trap.
catch_signals() {
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# The EXIT trap: ends what runs, stops the server, removes its directory.
finish() {
	local status=$?
	trap - EXIT
	trap '' HUP INT TERM
	allow_system_cluster
	end_job
	if [ -n "$directory" ]; then
		cd /
		end_servers "$directory"
		end_servers "$top/tmp_check"
		[ "$keep_directory" = yes ] || rm -rf "$directory"
	fi
	exit "$status"
}

# --- packages -----------------------------------------------------------------------------------------

# Runs a command as root.
as_root() {
	if [ "$EUID" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo ${no_prompt:+-n} "$@"
	else
		die "this needs root: $* (install sudo, or run $(basename "$0") as root)"
	fi
}

# Runs apt-get without questions.
apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# Prints those of the packages that are not installed.
missing_packages() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			printf '%s\n' "$package"
	done
}

# Makes sure that the packages are installed; nothing that is installed gets upgraded on purpose.
install_packages() {
	local missing
	command -v dpkg-query >/dev/null ||
		die 'only Debian and Ubuntu are supported; elsewhere use make, make install'
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "Installing packages: ${missing[*]}"
	download_packages "${missing[@]}" || {
		update_lists
		download_packages "${missing[@]}"
	}
	run_to_end install_downloaded "${missing[@]}"
}

# Installs packages without creating a system cluster. The setting against that is in a file of
# postgresql-common, which therefore comes first.
install_downloaded() {
	no_prompt=yes
	[ -e "$createcluster_conf" ] || [[ " $* " != *" postgresql"* ]] ||
		apt_get install -y --no-upgrade --no-install-recommends postgresql-common
	forbid_system_cluster
	apt_get install -y --no-upgrade --no-install-recommends "$@"
	allow_system_cluster
}

# Updates the package lists. Prints to stderr only.
update_lists() {
	say 'Updating the package lists' >&2
	apt_get update >&2
}

# Downloads packages with what they depend on; fails when the package lists are missing or old.
download_packages() {
	local plan
	plan=$(apt_get install -s --no-upgrade --no-install-recommends "$@") || return
	if grep -Eq '^Inst postgresql-[0-9]+ \[' <<<"$plan"; then
		die "this would upgrade an installed server; install by hand: $*"
	fi
	apt_get install -y --download-only --no-upgrade --no-install-recommends "$@"
}

# Keeps the server packages from creating and starting a cluster while they are installed.
forbid_system_cluster() {
	[ -e "$createcluster_conf" ] || return 0
	allow_system_cluster
	as_root cp -p "$createcluster_conf" "$createcluster_saved"
	printf '\ncreate_main_cluster = false\n' | as_root tee -a "$createcluster_conf" >/dev/null
}

# Puts the setting back as it was, also after an earlier run that was killed.
allow_system_cluster() {
	[ ! -e "$createcluster_saved" ] || as_root mv "$createcluster_saved" "$createcluster_conf"
}

# --- the server to build for --------------------------------------------------------------------------

# Prints the PostgreSQL major version to use: PG_MAJOR if set; the newest installed server that has its
# headers; the newest installed server; the distribution's default.
choose_major() {
	local major newest=
	if [ -n "${PG_MAJOR:-}" ]; then
		printf '%s\n' "$PG_MAJOR"
		return
	fi
	for major in $(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | cut -d / -f 5 | sort -rn); do
		[[ $major =~ ^[0-9]+$ ]] && [ "$major" -ge 14 ] || continue
		newest=${newest:-$major}
		if [ -e "/usr/lib/postgresql/$major/lib/pgxs/src/makefiles/pgxs.mk" ]; then
			printf '%s\n' "$major"
			return
		fi
	done
	printf '%s\n' "${newest:-$(default_major)}"
}

# Prints the major version that the distribution's package "postgresql" stands for.
default_major() {
	local attempt major
	for attempt in 1 2; do
		major=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')
		if [ -n "$major" ]; then
			printf '%s\n' "$major"
			return
		fi
		[ "$attempt" = 2 ] || update_lists
	done
	die 'apt-get knows no package "postgresql"'
}

# Prints the packages of the libraries that the extension loads when a method needs them, but for those that the
# distribution does not have: such methods say so.
library_packages() {
	printf '%s\n' libopenblas0
	first_package liblinear4
	first_package libxgboost0 libxgboost3
}

# Prints the first of the packages that is installed or can be.
first_package() {
	local package
	for package in "$@"; do
		if [ -z "$(missing_packages "$package")" ] || has_package "$package"; then
			printf '%s\n' "$package"
			return
		fi
	done
	say "There is no package $*: what needs it cannot be trained" >&2
}

# Does the distribution have the package?
has_package() {
	apt-cache show "$1" >/dev/null 2>&1 || { update_lists && apt-cache show "$1" >/dev/null 2>&1; }
}

# Installs compiler and server, builds the extension and installs it into the server's directory. The
# arguments are further packages; "NN" in a name stands for the major version.
prepare_extension() {
	local major libraries
	major=$(choose_major)
	mapfile -t libraries < <(library_packages)
	install_packages gcc libc6-dev make "${libraries[@]}" "postgresql-$major" "postgresql-server-dev-$major" "${@//NN/$major}"
	bindir=/usr/lib/postgresql/$major/bin
	PATH=$bindir:$PATH
	say "Building course_recsys for PostgreSQL $major"
	run_job make -s -j"$(nproc)" PG_CONFIG="$bindir/pg_config" all
	install_extension
}

# Runs "make install" unless the server has these very files already.
install_extension() {
	local library extension script
	library=$("$bindir/pg_config" --pkglibdir)/course_recsys.so
	extension=$("$bindir/pg_config" --sharedir)/extension
	script=$(ls -t sql/course_recsys--*.sql | head -n 1)
	if cmp -s course_recsys.so "$library" && cmp -s course_recsys.control "$extension/course_recsys.control" &&
		cmp -s "$script" "$extension/$(basename "$script")"; then
		return
	fi
	say "Installing into $(dirname "$library") and $extension"
	as_root make -s PG_CONFIG="$bindir/pg_config" install
}

# --- the private server -------------------------------------------------------------------------------

# The user who runs the server.
server_user() {
	if [ "$EUID" -eq 0 ]; then echo postgres; else id -un; fi
}

# Runs a command as that user, in the server's directory.
as_server_user() {
	(
		cd "$directory"
		[ "$EUID" -ne 0 ] || set -- setpriv --reuid=postgres --regid=postgres --init-groups \
			env HOME="$directory" "$@"
		exec "$@"
	)
}

# Makes the server's directory.
make_directory() {
	directory=$(mktemp -d /var/tmp/course_recsys.XXXXXX)
}

# Creates a cluster with a superuser "postgres" and starts it. Arguments: lines for postgresql.conf.
create_server() {
	say "Starting a private server in $directory"
	[ "$EUID" -ne 0 ] || chown postgres:postgres "$directory"
	as_server_user "$bindir/initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$directory'" \
		'unix_socket_permissions = 0700' "$@" |
		as_server_user tee -a data/postgresql.conf >/dev/null
	start_server
}

# Starts the server and points clients to it.
start_server() {
	as_server_user "$bindir/pg_ctl" -D data -l server.log -s -w start >/dev/null || {
		tail -n 20 "$directory/server.log" >&2
		die 'the private server did not start'
	}
	export PGHOST=$directory PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

# Prints "PID DATA_DIRECTORY" of every server that runs on a data directory below the given one.
servers_below() {
	local file pid data
	while IFS= read -r file; do
		data=$(dirname "$file")
		pid=$(head -n 1 "$file" 2>/dev/null) || continue
		[ -z "$pid" ] || [ "$(readlink "/proc/$pid/cwd")" != "$data" ] || printf '%s %s\n' "$pid" "$data"
	done < <(find "$1" -maxdepth 5 -name postmaster.pid 2>/dev/null)
}

# Stops these servers: a fast shutdown, after ten seconds an immediate one.
end_servers() {
	local signal pid data second
	for signal in INT QUIT; do
		while read -r pid data; do
			kill -s "$signal" "$pid" 2>/dev/null || true
		done < <(servers_below "$1")
		for ((second = 0; second < 100; second++)); do
			[ -n "$(servers_below "$1")" ] || return 0
			sleep 0.1
		done
	done
}

# --- jobs ---------------------------------------------------------------------------------------------

# Runs a command in a process group of its own, so that an interrupt can end all of it at once.
run_job() {
	local status=0
	set -m
	"$@" </dev/null &
	job=$!
	set +m
	wait "$job" || status=$?
	job=
	return "$status"
}

# Runs a command to its end even if a signal comes, out of reach of Ctrl-C; then lets the signal end the
# script. For what must not be left half done.
run_to_end() {
	local stopped='' status=0 child
	trap 'stopped=129' HUP
	trap 'stopped=130' INT
	trap 'stopped=143' TERM
	set -m
	"$@" </dev/null &
	child=$!
	set +m
	while kill -0 "$child" 2>/dev/null; do
		wait "$child" || true       # also returns when a signal comes
	done
	wait "$child" || status=$?
	catch_signals
	[ -z "$stopped" ] || exit "$stopped"
	return "$status"
}

# Ends the running job with all its processes, after ten seconds by force.
end_job() {
	local tenth
	[ -n "$job" ] || return 0
	kill -s TERM -- "-$job" 2>/dev/null || return 0
	for ((tenth = 0; tenth < 100; tenth++)); do
		kill -0 -- "-$job" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -s KILL -- "-$job" 2>/dev/null || true
}
