/** Made the functions beneath events_words and gave it to the search: src/db/functions has them as they are today. */
export async function up() {}
