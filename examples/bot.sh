#!/bin/sh
# A bot for a shell, with curl and jq: it answers "!ping" with "pong". README.md says how to start it.
set -eu
: "${SITE:?is the address of the server}" "${CHAT:?is the link of the chat}" "${TOKEN:?is the token of the bot}"
CURSOR=${CURSOR:-cursor}
CHAT=${CHAT%/}
chat=${SITE%/}/api/chats/${CHAT##*/}/

# Sets answer, and asks again while the server is away or too busy: after 1, 2, 4 … 60 s, or after as many as Retry-After says.
ask() {
  pause=1
  while :; do
    seconds=$pause
    # The token comes by standard input, as everybody on the machine can read arguments. 40 s are longer than the server waits for news.
    if answer=$(printf 'Authorization: Token %s\n' "$TOKEN" |
      curl -sS -H @- --max-time 40 -w '\n%{http_code} %header{retry-after}' "$@"); then
      status=${answer##*
}
      answer=${answer%
*}
      after=${status#* }
      status=${status%% *}
      if [ "$status" -ne 429 ] && [ "$status" -lt 500 ]; then break; fi
      case $after in '' | *[!0-9]*) ;; *) seconds=$after ;; esac
    fi
    sleep "$seconds"
    pause=$((pause < 30 ? 2 * pause : 60))
  done
  # 410, where a restored backup has put the chat back, says the version to go on from. Other problems will not pass.
  if [ "$status" -ge 400 ] && [ "$status" -ne 410 ]; then
    printf '%s' "$answer" | jq -r .detail >&2
    exit 1
  fi
}

# Moves it into place, so that the file is whole whenever the bot is killed.
keep() {
  cursor=$1
  printf '%s' "$cursor" >"$CURSOR.new"
  mv "$CURSOR.new" "$CURSOR"
}

if [ -e "$CURSOR" ]; then
  cursor=$(cat "$CURSOR")
else
  ask "$chat"
  keep "$(printf '%s' "$answer" | jq .version)"
fi

while :; do
  ask "${chat}messages/?after=$cursor&wait=25"
  version=$(printf '%s' "$answer" | jq .version)
  pings=$(printf '%s' "$answer" |
    jq '.messages[]? | select(.event == "message" and .user.kind != "bot" and .message == "!ping") | .id')
  for id in $pings; do
    # However often this is sent, as after a crash, the key lets it be stored once.
    ask -H "Idempotency-Key: pong-$id" -d message=pong -d "reply_to=$id" "${chat}messages/"
  done
  # Only now: what is not answered yet is read again after a crash.
  keep "$version"
done
