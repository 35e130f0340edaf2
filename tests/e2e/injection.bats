#!/usr/bin/env bats
# What others name is data: no program name, path or setting ends up as a second line, as JSON, as a terminal's command
# or as a format, and no log goes where another user's link wants it. More of it: holders' names in
# two-processes.bats and who.bats, the log in sticky directories in sink.bats, what report shows of a forged log in
# report.bats.

load helper

setup() {
	DIR=$BATS_TEST_TMPDIR
	NOBODY=65534
	mkdir "$DIR/bin" "$DIR/out"
}

# Names that a file may have.
# shellcheck disable=SC2016 # they are names
names() {
	NAMES=('a"b' 'a\b' "a'b" $'a\nv6shim init[1]: bind tcp [::]:80 fd 3' $'\e[31mred\e]0;title\a' $'a\x9b31m' $'a\xc2\x9b31m' $'\xff\xfe'
		'%s%n%x%1000d' '%p%%%n' '...' '-x' ' ' $'\x7f\b\r' '{"v":1,"event":"bind"}' '","event":"lost","x":"' '$(id)`id`;' '[1]: x'
		"$(printf '\xc3\xa9%.0s' {1..120})" "$(printf 'n%.0s' {1..240})" "$(printf '\e%.0s' {1..200})")
}

# The same as JSON has it, by another program's hand: what is no UTF-8 is U+FFFD.
as_json() {
	python3 -c 'import json, os, sys
print(json.dumps(os.fsencode(sys.argv[1]).decode("utf-8", "replace")))' "$1" | jq -c .
}

# Nothing but lines of text in UTF-8: no control character, C1 ones (U+0080 to U+009F) included.
only_text() {
	python3 -c '
import sys, unicodedata

text = open(sys.argv[1], "rb").read().decode("utf-8")
bad = [c for c in text if unicodedata.category(c) == "Cc" and c != "\n"]
sys.exit("control characters: %r" % bad if bad or not text.endswith("\n") else 0)' "$1"
}

# run_as NAME LOG FORMAT: a program of that name, which makes a socket and two binds.
run_as() {
	rm -rf "${DIR:?}/bin"
	mkdir "$DIR/bin"
	cp "$PROGRAMS/steps" "$DIR/bin/$1"
	(
		close_bats_fds
		exec env LD_PRELOAD="$LIB" V6SHIM_POLICY=ipv6-only V6SHIM_LOG="$2" V6SHIM_LOG_FORMAT="$3" V6SHIM_LOG_LEVEL=bind \
			"$DIR/bin/$1" 'socket tcp6' 'bind :: 0' listen >/dev/null 2>"$DIR/err"
	)
}

# ---- names

@test "control: without the shim the names are as hostile as they look" {
	names
	[ "${#NAMES[@]}" -ge 20 ]
	printf '%s\n' "${NAMES[3]}" >"$DIR/one"
	[ "$(wc -l <"$DIR/one")" -eq 2 ]
	printf '%s\n' "${NAMES[6]}" >"$DIR/one"
	refute only_text "$DIR/one"
	printf '{"program":"%s"}\n' "${NAMES[0]}" >"$DIR/one"
	refute jq . "$DIR/one"
}

@test "a program's name is one value of JSON in each record, whatever it is" {
	names
	for name in "${NAMES[@]}"; do
		rm -f "$DIR/log"
		run_as "$name" "$DIR/log" json
		assert_eq 3 "$(wc -l <"$DIR/log")" "$name"
		assert_eq '["load","bind","listen"]' "$(jq -sc 'map(.event)' "$DIR/log")" "$name"
		assert_eq "$(as_json "$name")" "$(jq -sc 'map(.program) | unique[]' "$DIR/log")"
		# RFC 8259 wants U+0000 to U+001F escaped, and UTF-8; whoever cats a log wants no control character at all.
		only_text "$DIR/log"
	done
}

@test "in text a record is one line that a terminal may be shown, and standard error is no different" {
	names
	for name in "${NAMES[@]}"; do
		rm -f "$DIR/log"
		run_as "$name" "$DIR/log" text
		run_as "$name" stderr text
		for file in "$DIR/log" "$DIR/err"; do
			assert_eq 3 "$(wc -l <"$file")" "$name"
			assert_eq 3 "$(grep -c '^v6shim .*\[[0-9]*\]: \(load: \|bind tcp \[::\]:0 fd \|listen tcp \[::\]:\)' "$file")" "$name"
			only_text "$file"
		done
	done
}

@test "what report makes of such a log is text, and one program of it" {
	names
	for name in "${NAMES[@]}"; do
		rm -f "$DIR/log.jsonl"
		run_as "$name" "$DIR/log.jsonl" json
		"$V6SHIM" report "$DIR/log.jsonl" >"$DIR/report"
		only_text "$DIR/report"
		assert_eq 1 "$(grep -c '\[[0-9]*\] .* policy ipv6-only$' "$DIR/report")" "$name"
		"$V6SHIM" report --json "$DIR/log.jsonl" >"$DIR/report"
		assert_eq 1 "$(jq '.processes | length' "$DIR/report")" "$name"
		assert_eq "$(as_json "$name")" "$(jq -c '.processes[0].program' "$DIR/report")"
	done
}

@test "%n in a log's path stays in its directory, and a format in it is none" {
	names
	for name in "${NAMES[@]}"; do
		rm -rf "$DIR/out"
		mkdir "$DIR/out"
		before=$(cd "$DIR" && find . -path ./bin -prune -o -path ./err -prune -o -print0 | sort -z | tr '\0' '\n')
		run_as "$name" "$DIR/out/%n.jsonl" json
		(cd "$DIR/out" && find . -mindepth 1 -print0) >"$DIR/found"
		assert_eq "$(printf './%s.jsonl' "$name" | od -c)" "$(tr -d '\0' <"$DIR/found" | od -c)"
		[ "$(tr -dc '\0' <"$DIR/found" | wc -c)" -eq 1 ]
		rm -rf "$DIR/out" "$DIR/found"
		mkdir "$DIR/out"
		assert_eq "$before" "$(cd "$DIR" && find . -path ./bin -prune -o -path ./err -prune -o -print0 | sort -z | tr '\0' '\n')"
	done
	# A name that is too long for a file: no log, and the server is none the worse.
	long=$(printf 'n%.0s' {1..255})
	run_as "$long" "$DIR/out/%n.jsonl" json
	assert_eq '' "$(ls -A "$DIR/out")"
}

@test "a program cannot be called . or .., nor have a slash in its name: the last part of what was executed counts" {
	cp "$PROGRAMS/steps" "$DIR/bin/steps"
	for path in "$DIR/bin/../bin/./steps" "$DIR/bin//steps"; do
		env LD_PRELOAD="$LIB" V6SHIM_LOG="$DIR/out/%n" V6SHIM_LOG_LEVEL=bind "$path" 'socket tcp6' 'bind :: 0' >/dev/null
		assert_eq steps "$(ls -A "$DIR/out")"
		rm "$DIR/out/steps"
	done
	# Nor by the name that it is given (argv[0]), which is anybody's choice.
	(exec -a ../../../evil env -u X true)
	python3 -c 'import os, sys; os.execve(sys.argv[1], ["../evil", "socket tcp6", "bind :: 0"], dict(os.environ,
		LD_PRELOAD=sys.argv[2], V6SHIM_LOG=sys.argv[3], V6SHIM_LOG_LEVEL="bind"))' \
		"$PROGRAMS/steps" "$LIB" "$DIR/out/%n" >/dev/null
	assert_eq steps "$(ls -A "$DIR/out")"
	[ ! -e "$DIR/evil" ]
}

@test "a syslog tag is of harmless characters" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require unshare socat
	names
	cat >"$DIR/in" <<-'END'
		mount -t tmpfs tmpfs /dev || exit 9
		mkdir -p /dev
		socat -u UNIX-RECV:/dev/log "CREATE:$1/said" &
		for i in {1..100}; do [ -S /dev/log ] && break; sleep 0.05; done
		shift
		"$@"
		sleep 0.3
		kill $!
	END
	i=0
	for name in "${NAMES[3]}" "${NAMES[4]}" "${NAMES[8]}" "${NAMES[15]}" "${NAMES[17]}"; do
		rm -f "$DIR/bin/"* "$DIR/said"
		cp "$PROGRAMS/steps" "$DIR/bin/$name"
		(close_bats_fds && exec unshare -m --propagation private bash "$DIR/in" "$DIR" env LD_PRELOAD="$LIB" \
			V6SHIM_LOG=syslog V6SHIM_LOG_LEVEL=bind "$DIR/bin/$name" 'socket tcp6' 'bind :: 0') >"$DIR/err" 2>&1
		[ -s "$DIR/said" ] || fail "nothing was said: $(<"$DIR/err")"
		assert_eq '' "$(grep -aoE '<[0-9]+>[^]]*\]:' "$DIR/said" | grep -avE '^<[0-9]+>[!-Z\\^-~]{1,32}\[[0-9]+\]:$' || :)"
		assert_eq 0 "$(tr -d '[:print:]\200-\377' <"$DIR/said" | wc -c)" "$name"
		i=$((i + 1))
	done
	[ $i -eq 5 ]
}

# ---- settings

@test "a setting's own text is data in the load record, and in what is said of it when it is wrong" {
	place=$DIR/out/$'a"\n\e[31m\\%%s'
	env LD_PRELOAD="$LIB" V6SHIM_LOG="$place" V6SHIM_LOG_FORMAT=json V6SHIM_LOG_LEVEL=bind \
		"$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' >/dev/null
	file=$DIR/out/$'a"\n\e[31m\\%s'
	[ -e "$file" ]
	assert_eq 2 "$(wc -l <"$file")"
	only_text "$file"
	# The note is text, the same in both forms.
	assert_match 'log=[^ ]*/a"\\x0a\\x1b\[31m' "$(jq -r 'select(.event == "load") | .note' "$file")"
	for wrong in V6SHIM_CONFIG=$'/no/\nv6shim: all is well\e[1m%s%n' V6SHIM_LOG=$'x\nv6shim: all is well\e[1m%s%n' \
		V6SHIM_RULES=$'port=\n80\e[1m => policy=both%s%n' V6SHIM_$'A\nv6shim: all is well\e[1m=%s%n'; do
		env LD_PRELOAD="$LIB" "$wrong" "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' >"$DIR/out/said" 2>"$DIR/err"
		assert_line 'bind :: 0: EINVAL' "$(<"$DIR/out/said")"
		only_text "$DIR/err"
		assert_eq 0 "$(grep -c '^v6shim: all is well' "$DIR/err" || :)"
		assert_eq 0 "$(grep -vc '^v6shim: ' "$DIR/err" || :)"
	done
}

# ---- links

# Where a log may be: MODE and OWNER of the directory, who owns the link in it, and whether root's program follows it.
places() {
	cat <<-END
		0755 0       $NOBODY  no
		0755 $NOBODY $NOBODY  no
		0777 0       $NOBODY  no
		0777 $NOBODY $NOBODY  no
		1777 0       $NOBODY  no
		1777 $NOBODY $NOBODY  no
		2775 0       $NOBODY  no
		0755 $NOBODY 0        yes
		0777 0       0        yes
		1777 0       0        yes
		0755 0       0        yes
	END
}

bind_into() {
	rm -f "$DIR/victim"
	echo victim >"$DIR/victim"
	env LD_PRELOAD="$LIB" V6SHIM_LOG="$1" V6SHIM_LOG_FORMAT=json V6SHIM_LOG_LEVEL=bind "${RUN[@]}" "$PROGRAMS/steps" \
		'socket tcp6' 'bind :: 0' listen >"$DIR/said"
	# Whatever became of the log, the server has what it wants.
	assert_line 'listen: ok' "$(<"$DIR/said")"
}

@test "another user's symbolic link is followed nowhere: not as the log, nor on the way to it" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	RUN=()
	# What the kernel does by itself it must not be that saves us.
	n=0
	while read -r mode owner whose follows; do
		rm -rf "$DIR/place"
		mkdir "$DIR/place"
		ln -s "$DIR/victim" "$DIR/place/log"
		ln -s "$DIR" "$DIR/place/way"
		ln -s "$DIR/new" "$DIR/place/dangling"
		chown -h "$whose" "$DIR/place/"*
		chown "$owner" "$DIR/place"
		chmod "$mode" "$DIR/place"
		for log in log way/victim dangling; do
			bind_into "$DIR/place/$log"
			target=$DIR/victim
			[ $log != dangling ] || target=$DIR/new
			if [ "$follows" = yes ]; then
				assert_match '"event":"bind"' "$(<"$target")" "$mode $owner $whose $log"
			else
				assert_eq victim "$(<"$DIR/victim")" "$mode $owner $whose $log"
				[ ! -e "$DIR/new" ] || fail "$mode $owner $whose $log: was made"
			fi
			rm -f "$DIR/new"
			n=$((n + 1))
		done
	done < <(places)
	[ $n -eq 33 ]
	# Control: a plain program follows the first of them.
	rm -rf "$DIR/place"
	mkdir "$DIR/place"
	ln -s "$DIR/victim" "$DIR/place/log"
	chown -h "$NOBODY" "$DIR/place/log"
	echo x >>"$DIR/place/log"
	assert_match x "$(<"$DIR/victim")"
}

@test "one's own link, and root's, is followed by another user's program" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	RUN=(setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups)
	place=$(mktemp -d)
	chmod 755 "$place"
	mkdir -m 777 "$place/target"
	for whose in "$NOBODY" 0 1; do
		rm -rf "$place/target/"* "$place/log"
		ln -s "$place/target/log" "$place/log"
		chown -h "$whose" "$place/log"
		cp "$PROGRAMS/steps" "$LIB" "$place"
		"${RUN[@]}" env LD_PRELOAD="$place/libv6shim.so" V6SHIM_LOG="$place/log" V6SHIM_LOG_LEVEL=bind "$place/steps" \
			'socket tcp6' 'bind :: 0' >/dev/null
		ls "$place/target" >"$DIR/$whose"
	done
	rm -rf "$place"
	assert_eq 'log log ' "$(<"$DIR/$NOBODY") $(<"$DIR/0") $(<"$DIR/1")"
}

@test "a file with a second name is not written to where others may write to its directory" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	RUN=()
	while read -r mode owner written; do
		rm -rf "$DIR/place"
		mkdir "$DIR/place"
		echo victim >"$DIR/victim"
		bind_into "$DIR/none/log"
		ln "$DIR/victim" "$DIR/place/log"
		chown "$owner" "$DIR/place"
		chmod "$mode" "$DIR/place"
		env LD_PRELOAD="$LIB" V6SHIM_LOG="$DIR/place/log" V6SHIM_LOG_LEVEL=bind "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' >/dev/null
		assert_eq "$written" "$(grep -c 'bind tcp' "$DIR/victim" || :)" "$mode $owner"
	done <<-END
		0755 0       1
		0777 0       0
		1777 0       0
		2775 0       0
		0755 $NOBODY 0
	END
}

# Another user who swaps a file of theirs and a link to somewhere else, as fast as they can.
SWAP='
import os, sys, time

place, victim = sys.argv[1:]
os.setgid(65534)
os.setuid(65534)
print("ready", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    os.symlink(victim, place + "/l")
    os.rename(place + "/l", place + "/log")
    open(place + "/f", "w").close()
    os.rename(place + "/f", place + "/log")
'

@test "a link that is put there in the moment of opening is not followed either" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	place=$(mktemp -d)
	chmod 777 "$place"
	echo victim >"$DIR/victim"
	chmod 600 "$DIR/victim"
	start swap --says ready python3 -c "$SWAP" "$place" "$DIR/victim"
	for _ in {1..60}; do
		env LD_PRELOAD="$LIB" V6SHIM_LOG="$place/log" V6SHIM_LOG_LEVEL=bind "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' \
			'socket tcp6' 'bind :: 0' listen >/dev/null
	done
	is_running swap
	stop swap
	rm -rf "$place"
	assert_eq victim "$(<"$DIR/victim")"
}
