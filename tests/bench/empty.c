/*
 * empty - a library with nothing in it: what preloading costs that is nobody's own. Built as
 * $(BUILD)/tests/bench/empty.so, it is what the start of libv6shim.so is compared with.
 */
extern const char bench_empty;
const char bench_empty = 0;
