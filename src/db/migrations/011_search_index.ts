/**
 * For search_in_stretch, which looks through the list of what is not sorted in yet each time: 64 kB of it is as good for posting as 4 MB,
 * and no list costs twice as much. Not plainly "where kind = 'message'": an index of that condition, which is of no use here, would be chosen
 * while the table is small, and kept.
 */
export const index = {
  name: 'events_search',
  create: `
    create index concurrently events_search on events using gin (search_vector(chat_id, version, text))
    with (gin_pending_list_limit = 64)
    where kind || '' = 'message' and text is not null`,
}
