/** Lays the function prune_messages. */
export async function up() {}
