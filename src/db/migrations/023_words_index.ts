/**
 * Takes the place of events_search, which answers until it is built. Words wait in a list of 4 MB, which the program sorts in every second
 * (sortWords in src/db/search.ts): sorted in by the thousand they cost a third less. The condition is written as in 011_search_index, for the
 * same reason.
 */
export const index = {
  name: 'events_words',
  create: `
    create index concurrently events_words on events using gin (search_placed_words(chat_id, version, text))
    with (gin_pending_list_limit = 4096)
    where kind || '' = 'message' and text is not null`,
}
