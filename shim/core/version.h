/* The version, in the one place where it stands. */
#pragma once

#define V6_VERSION "0.1.0"

/*
 * The library carries V6_MARKER V6_VERSION, NUL-terminated, so that the command
 * can tell a library of another version from its own without loading it.
 */
#define V6_MARKER "v6shim library, version "
