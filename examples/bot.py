"""A bot in Python: it answers "!ping" with "pong". README.md says how to start it."""

import os
import sys
import time
from pathlib import Path

import requests

SITE = os.environ["SITE"].rstrip("/")
URI = os.environ["CHAT"].rstrip("/").split("/")[-1]
CURSOR = Path(os.environ.get("CURSOR", "cursor"))
CHAT = f"{SITE}/api/chats/{URI}/"

session = requests.Session()
session.headers["Authorization"] = f"Token {os.environ['TOKEN']}"


def ask(method, url, **options):
    """Asks again while the server is away or too busy: after 1, 2, 4 … 60 s, or after as many as Retry-After says."""
    pause = 1
    while True:
        seconds = pause
        try:
            # Longer than the server waits for news.
            answer = session.request(method, url, timeout=40, **options)
            if answer.status_code != 429 and answer.status_code < 500:
                break
            after = answer.headers.get("Retry-After", "")
            seconds = int(after) if after.isdigit() else pause
        except requests.RequestException as error:
            print(error, file=sys.stderr)
        time.sleep(seconds)
        pause = min(2 * pause, 60)
    said = answer.json()
    # 410, where a restored backup has put the chat back, says the version to go on from. Other problems will not pass.
    if not answer.ok and "version" not in said:
        sys.exit(said["detail"])
    return said


def keep(version):
    """Moved into place, so that the file is whole whenever the bot is killed."""
    new = CURSOR.with_name(f"{CURSOR.name}.new")
    new.write_text(str(version))
    new.replace(CURSOR)
    return version


cursor = int(CURSOR.read_text()) if CURSOR.exists() else keep(ask("GET", CHAT)["version"])

while True:
    news = ask("GET", f"{CHAT}messages/", params={"after": cursor, "wait": 25})
    for said in news.get("messages", []):
        if said["event"] == "message" and said["user"]["kind"] != "bot" and said["message"] == "!ping":
            # However often this is sent, as after a crash, the key lets it be stored once.
            key = {"Idempotency-Key": f"pong-{said['id']}"}
            ask("POST", f"{CHAT}messages/", json={"message": "pong", "reply_to": said["id"]}, headers=key)
    # Only now: what is not answered yet is read again after a crash.
    cursor = keep(news["version"])
