#!/usr/bin/env bats
# The architecture of shim/: arrows run down only, no circle, no long file, a short way for a bind. Which arrows
# there may be, and what each measure means, stands in tests/analysis/measure.

# shellcheck disable=SC2030,SC2031

load helper
bats_require_minimum_version 1.5.0

MEASURE=$ROOT/tests/analysis/measure

setup() {
	require python3
}

@test "shim/: no arrow but those of the architecture, no circle, no unit in shim/ itself, no long file" {
	run -0 "$MEASURE" --check
	assert_eq '' "$output"
}

# breach FILE LINE WHAT: with LINE at its end, FILE is found to be wrong as WHAT; without, nothing is.
breach() {
	run -0 "$MEASURE" --check --tree "$TREE"
	assert_eq '' "$output"
	cp -R "$TREE" "$TREE.wrong"
	mkdir -p "$(dirname "$TREE.wrong/shim/$1")"
	printf '%s\n' "$2" >>"$TREE.wrong/shim/$1"
	run -1 "$MEASURE" --check --tree "$TREE.wrong"
	assert_match "$3" "$output"
	rm -r "$TREE.wrong"
}

@test "control: each breach is found, in a small tree without one" {
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE"/shim/{core,govern,preload,command/{who,check,run}}
	for unit in core/text core/settings govern/facts preload/way command/options command/{who/who,check/hop,run/run}; do
		echo 'int x;' >"$TREE/shim/$unit.c"
		echo '#include <stdio.h>' >"$TREE/shim/$unit.h"
	done
	cd "$TREE/shim"
	echo '#include "text.h"' >>core/settings.h
	echo '#include "../core/settings.h"' | tee -a govern/facts.c >>command/options.c
	printf '#include "../%s.h"\n' core/text govern/facts >>preload/way.c
	printf '#include "../%s.h"\n' ../core/text ../govern/facts options check/hop >>command/run/run.c
	breach core/text.h '#include "../govern/facts.h"' 'core/text.h:2: core/text must not include govern/facts'
	breach govern/facts.c '#include "../preload/way.h"' 'govern/facts must not include preload/way'
	breach preload/way.c '#include "../command/options.h"' 'preload/way must not include command/options'
	breach command/who/who.c '#include "../run/run.h"' 'command/who/who must not include command/run/run'
	breach command/options.h '# include "who/who.h"' 'command/options must not include command/who/who'
	breach core/text.h '#include "core/settings.h"' 'circle: core/settings core/text'
	breach core/text.c '#include "never.h"' 'core/text.c:2: there is no never.h'
	breach stray.c '' 'shim/stray: in no layer'
	breach other/stray.c '' 'shim/other/stray: in no layer'
	breach core/text.c "$(yes x | head -n 600)" 'shim/core/text.c: 601 lines'
}

@test "a bind that writes the first record of a process passes through thirteen units at most" {
	require valgrind
	way=$("$MEASURE" --build "$BUILD" | sed -n 's/^units on the way of a bind *//p')
	echo "# $way" >&3
	assert_match '^[0-9]+ .*shim/preload/way' "$way"
	assert_match 'shim/core/policy' "$way"
	[ "${way%% *}" -le 13 ]
}
