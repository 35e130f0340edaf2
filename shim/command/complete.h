/*
 * What Tab offers, for the shells' completions (shim/completion): `v6shim complete`.
 */
#ifndef V6_COMPLETE_H
#define V6_COMPLETE_H

/*
 * The words after v6shim, up to the one at the cursor, which may be empty and must be there.
 * Prints what that may become, a whole word and its meaning a line, a tab between; or for what the shell
 * knows better ":files", or ":command N": the words from the N-th on (the first is 0) are another
 * command's. The exit status.
 */
int v6_complete(char **words);

#endif
