/**
 * Every code of a problem: its status, and what it means, as the page /api/ says it. A code never changes its meaning. Sign-up and sign-in under
 * /auth/ answer 400 where others answer 422.
 */
export const CODES = {
  malformed_request: [400, 'The request is not valid HTTP, or its Host header or its address cannot be read.'],
  malformed_body: [
    400,
    'The body is no valid JSON, no JSON object, or no form that can be read; or it ended too early.',
  ],
  not_utf8: [400, 'The body is not valid UTF-8, or what a form writes with % is not.'],
  forbidden_field_name: [400, 'A field has a name that none may have, such as `__proto__`.'],
  no_credentials: [401, 'The request has no token and no session. Send `Authorization: Token <key>`.'],
  invalid_token: [401, 'The token is unknown or revoked, or was not used for 90 days. Make a new one.'],
  invalid_ticket: [
    401,
    'The ticket is unknown, was used, is older than 30 seconds, was made for pages of another origin, or its token has ended. Make a new one.',
  ],
  signed_out: [401, 'The session has ended. Sign in again.'],
  stale_form_token: [
    403,
    'A request with a session has no valid `X-CSRF-Token`. Load a page again to get one, or send a token instead.',
  ],
  no_cookies: [403, 'A form came without the cookie that its page had set: the browser keeps no cookies of this site.'],
  other_site: [403, 'A page of another site has sent the request with the cookies of this one.'],
  account_only: [403, 'Guests cannot do this. They can keep their account first, with a username and a password.'],
  insufficient_scope: [
    403,
    'The token lacks the scope that this takes, is for another chat, or would make a token that may do more than itself, or lasts longer. Use another token.',
  ],
  banned: [403, 'The owner of the chat has removed this user from it for good.'],
  joins_closed: [403, 'The chat is closed to new members. Its owner can open it.'],
  no_guests: [403, 'The chat takes no guests. Sign up or sign in to join it.'],
  owner_only: [403, 'Only the owner of the chat can do this.'],
  owner_cannot_leave: [403, 'The owner of a chat cannot leave it before it has another owner.'],
  others_cannot_join: [403, '`username` names somebody else. Users can only join by themselves.'],
  already_account: [403, 'Only a guest can be kept as an account, and this user has one already.'],
  read_only: [403, 'The chat is read-only: nothing can be said or changed in it until its owner opens it.'],
  author_only: [403, 'Only who wrote a message can change it.'],
  not_found: [404, 'There is nothing at this address, or it is not yours to see: the answer is the same.'],
  no_such_member: [404, 'The chat has no such member, or bans no such user.'],
  link_used: [404, 'The link for a new password has been used, or has run out.'],
  method_not_allowed: [405, 'The address has no such method. `Allow` names those that it has.'],
  not_acceptable: [406, 'The address has none of the media types of `Accept`. The sentence names those that it has.'],
  too_slow: [408, 'The request did not come to its end in time.'],
  cursor_ahead: [
    410,
    'The chat has no such version: the cursor is made up, or its version was lost when a backup was restored. Read the chat again, and go on from the `version` of this problem.',
  ],
  cursor_gone: [
    410,
    'The cursor of all chats is older than 30 days, or not of this server as it is now. Go on from the `cursor` of this problem, and read your chats for what came before it.',
  ],
  body_too_long: [413, 'The body has more than 64 KiB.'],
  too_many_fields: [413, 'The body has more than 100 fields.'],
  address_too_long: [414, 'The address has more than 2,048 characters.'],
  unsupported_media_type: [415, 'The body is neither JSON nor a form, by its `Content-Type`.'],
  compressed_body: [415, 'The body is compressed. Send it as it is.'],
  unmet_expectation: [417, 'The header `Expect` asks for something else than `100-continue`.'],
  invalid_input: [
    422,
    'A field is wrong or missing. `errors` says which and why; `field_codes` has the codes for that.',
  ],
  unknown_field: [
    422,
    'The body or the query has a field that this request does not take. The sentence names the nearest one.',
  ],
  join_or_change: [422, 'A request to a chat either joins it, with `username` or nothing, or changes its settings.'],
  too_many_tokens: [409, 'The user has 100 tokens with a name, or 100 without one that are all in use. Revoke some.'],
  too_many_bots: [409, 'The chat has 20 bots. Remove one.'],
  name_taken: [422, 'Somebody else has this name.'],
  name_alike: [422, 'The name looks like that of somebody else.'],
  wrong_credentials: [422, 'No account has this name and this password.'],
  wrong_password: [422, 'This is not the password of the user who asks.'],
  password_changed: [422, 'The password was changed while the request was under way.'],
  key_conflict: [422, 'Another text was sent with this `Idempotency-Key` before, and is stored.'],
  no_such_message: [422, '`reply_to` names a message that is not there, or not any more.'],
  bad_file: [422, 'The file cannot be imported: `line` says from which line on, the sentence why.'],
  other_file: [422, 'Another file was sent with this `Idempotency-Key` before, and a part of it is stored.'],
  not_storable: [422, 'The message cannot be stored.'],
  not_oneself: [422, 'This cannot be done to oneself.'],
  guest_gone: [422, 'This guest has no session any more, so nobody can be them again.'],
  wrong_name: [422, 'This is not the name of the chat.'],
  rate_limited: [429, 'Too many requests. Wait for the seconds of `Retry-After`; `RateLimit` names the limit.'],
  headers_too_long: [431, 'The headers have more than 16 KiB.'],
  internal_error: [500, 'A fault of the server. Its log has more, under the `X-Request-Id` of the answer.'],
  unavailable: [
    503,
    'The database cannot be reached at this moment. Try again after `Retry-After` seconds, with the same key.',
  ],
  chat_busy: [503, 'Something holds this chat at this moment. Try again.'],
  restarting: [503, 'The server is being restarted. Try again.'],
  too_many_streams: [503, 'The user, the session, the address or the server has too many streams open. Close some.'],
  too_many_exports: [503, 'The user, or the server, has too many exports running. Wait until one is done.'],
  too_many_imports: [503, 'The user, or the server, has an import running. Wait until it is done.'],
  too_many_posts: [503, 'Too many messages wait to be stored. Send again, with the same key.'],
  too_many_passwords: [503, 'Too many passwords wait to be verified. Try again.'],
  search_too_long: [503, 'The search takes too long. Search for rarer words, or for more of them.'],
  search_not_ready: [503, 'After an upgrade the index of the search is still being built. Try again in some minutes.'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

export type Code = keyof typeof CODES

/** The codes that only `field_codes` has: what is wrong with one field. */
export const FIELD_CODES = {
  required: 'The field is missing.',
  wrong_type: 'The value is of another type, such as a number where a text belongs.',
  blank: 'The text is empty, or shows nothing.',
  too_long: 'The text is too long.',
  too_short: 'The password is too short.',
  too_common: 'The password is among those that many people have.',
  too_similar: 'The password is too similar to the username or the e-mail address.',
  only_digits: 'The password has nothing but digits.',
  out_of_range: 'The number is too small or too large.',
  not_offered: 'The value is none of those that can be chosen.',
  invalid: 'The value does not have the form that it must have: the sentence says which.',
} as const

export type FieldCode = Code | keyof typeof FIELD_CODES
