/** Made the functions post_messages and join_chat, of which src/db/functions has what they are today. */
export async function up() {}
