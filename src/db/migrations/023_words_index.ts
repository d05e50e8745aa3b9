/** Takes the place of events_search, which answers until it is built. The condition is written as in 011_search_index, for the same reason. */
export const index = {
  name: 'events_words',
  create: `
    create index concurrently events_words on events using gin (search_placed_words(chat_id, version, text))
    with (gin_pending_list_limit = 64)
    where kind || '' = 'message' and text is not null`,
}
