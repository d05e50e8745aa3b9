/** Wrote search_fold and search_split anew, with the same results: src/db/functions.ts says why. */
export async function up() {}
