/** Made the function lock_chat, and gave it to those of the owners: src/db/functions has them as they are today. */
export async function up() {}
