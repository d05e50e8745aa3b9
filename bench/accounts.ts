// Makes accounts and chats for the benchmarks, by the API.

export async function call(url: string, method: string, path: string, token?: string, body?: object) {
  const response = await fetch(new URL(path, url), {
    method,
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Token ${token}` } : {}) },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  })
  return response.json()
}

export async function signUp(url: string, username: string): Promise<string> {
  const account = { username, password: 'correct horse battery' }
  await call(url, 'POST', '/auth/users/create/', undefined, account)
  return (await call(url, 'POST', '/auth/token/create/', undefined, account)).auth_token
}

export async function startChats(url: string, tokens: string[], count: number): Promise<string[]> {
  const uris: string[] = []
  for (let n = 0; n < count; n++) {
    const { uri } = await call(url, 'POST', '/api/chats/', tokens[n])
    for (const token of tokens) {
      await call(url, 'PATCH', `/api/chats/${uri}/`, token)
    }
    uris.push(uri)
  }
  return uris
}

/** Returns the cookie of a session, for somebody who has an account by `signUp`. */
export async function signIn(url: string, username: string): Promise<string> {
  const page = await fetch(new URL('/login', url))
  const [visit = ''] = page.headers.getSetCookie().map(line => line.split(';')[0])
  const signature = page.headers.getSetCookie()[1]?.split(';')[0] ?? ''
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(await page.text()) ?? []
  const answer = await fetch(new URL('/login', url), {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: `${visit}; ${signature}` },
    body: new URLSearchParams({ csrf, username, password: 'correct horse battery' }),
  })
  return (
    answer.headers
      .getSetCookie()
      .find(line => line.startsWith('sid='))
      ?.split(';')[0] ?? ''
  )
}
