"""A site to read: a corpus, what changes in it, the rows that it holds, and a mock that serves it."""

import copy
import json
import os
import subprocess
from datetime import datetime, timedelta

KEYS = {
    "spaces": ["source_id"],
    "pages": ["source_id"],
    "page_versions": ["page_id", "number"],
    "page_labels": ["page_id", "source_id"],
    "page_views": ["page_id"],
    "page_content_states": ["page_id"],
    "users": ["source_id"],
}


def made_up(pages=60):
    """A small site with something in every stream, and a page of every status."""
    users = [user(number) for number in range(6)]
    spaces = [space(number, users) for number in range(3)]
    return {
        "site": "https://example.atlassian.net",
        "cloudId": "11111111-2222-4333-8444-555555555555",
        "spaces": spaces,
        "pages": [page(number, spaces, users) for number in range(pages)],
        "users": users,
    }


def user(number):
    """People, but the fourth, who has left, and the fifth, which is an app; the third hides the address."""
    return {
        "accountId": f"557058:{number}",
        "displayName": f"Reader {number}",
        "publicName": f"Reader {number}",
        "email": None if number == 2 else f"reader{number}@example.com",
        "accountType": "app" if number == 4 else "atlassian",
        "accountStatus": "closed" if number == 3 else "active",
    }


def space(number, users):
    return {
        "id": str(3_000_000_000 + number),
        "key": f"TEAM{number}",
        "name": f"Team {number}",
        "type": "global",
        "status": "archived" if number == 1 else "current",
        "authorId": users[number]["accountId"],
        "createdAt": "2024-01-01T00:00:00.000Z",
        "_links": {"webui": f"/spaces/TEAM{number}"},
    }


def page(number, spaces, users):
    author = users[number % 5]["accountId"]
    # Every third page has several contributors.
    others = [users[(number + count * (number % 3 == 0)) % 5]["accountId"] for count in range(1 + number % 4)]
    versions = [version(number, count, other) for count, other in enumerate(others, 1)]
    return {
        "id": str(3_100_000_000 + number),
        "status": {7: "archived", 8: "trashed"}.get(number % 10, "current"),
        "title": f'Page {number}: "ä", 李\n',
        # One person writes all of the third space.
        "spaceId": spaces[2 if number % 30 == 10 else number % 2]["id"],
        "authorId": author,
        "ownerId": author,
        "createdAt": versions[0]["createdAt"],
        "_links": {"webui": f"/spaces/x/pages/{number}"},
        "versions": versions,
        "labels": [
            {"id": str(500 + label), "name": f"label{label}", "prefix": "global"}
            for label in range(number % 3)
        ],
        "views": number,
        "state": None if number % 5 else {"contentState": {"id": 1, "name": "Verified", "color": "#57d9a3"}},
    }


def version(page_number, number, author):
    day = datetime(2025, 1, 1) + timedelta(days=page_number, hours=number)
    return {"number": number, "createdAt": stamp(day), "message": "", "authorId": author}


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def edited(corpus):
    """The site a day later: a page has a new version, one is new, one is in the trash. And their ids."""
    corpus = copy.deepcopy(corpus)
    newest = max(last["createdAt"] for last in (page["versions"][-1] for page in corpus["pages"]))
    later = stamp(datetime.fromisoformat(newest[:19]) + timedelta(days=1))
    current = [page for page in corpus["pages"] if page["status"] == "current"]
    changed, trashed = current[1], current[-1]
    new = copy.deepcopy(changed)
    new["id"] = str(max(int(page["id"]) for page in corpus["pages"]) + 1)
    new["versions"] = [{**new["versions"][-1], "number": 1, "createdAt": later}]
    for page in (changed, trashed):
        last = page["versions"][-1]
        page["versions"].append({**last, "number": last["number"] + 1, "createdAt": later})
    changed["title"] += " (edited)"
    trashed["status"] = "trashed"
    corpus["pages"].append(new)
    return corpus, {changed["id"], new["id"], trashed["id"]}


def rows(corpus):
    """The keys of all rows by stream, worked out without the connector."""
    found = {stream: set() for stream in KEYS}
    named = {space["authorId"] for space in corpus["spaces"]}
    for space in corpus["spaces"]:
        found["spaces"].add((space["id"],))
    for page in corpus["pages"]:
        key = page["id"]
        found["pages"].add((key,))
        named |= {page.get("authorId"), page.get("ownerId"), page.get("lastOwnerId")}
        named.add(page["versions"][-1]["authorId"])
        if page["status"] == "trashed":
            continue
        found["page_views"].add((key,))
        found["page_content_states"].add((key,))
        found["page_labels"] |= {(key, label["id"]) for label in page["labels"]}
        found["page_versions"] |= {(key, version["number"]) for version in page["versions"]}
        named |= {version["authorId"] for version in page["versions"]}
    found["users"] = {(user["accountId"],) for user in corpus["users"] if user["accountId"] in named}
    return found


def after_edit(corpus, changed):
    """The rows that must come after an edit, and those that may: users are looked up again where other rows name them,
    and a trashed page brings along those that share its bucket in the digest of archived and trashed pages."""
    found = rows(corpus)
    must = {stream: {key for key in keys if key[0] in changed} for stream, keys in found.items()}
    must["spaces"] = found["spaces"]
    not_current = {(page["id"],) for page in corpus["pages"] if page["status"] != "current"}
    may = {stream: set() for stream in KEYS}
    may.update(users=found["users"], pages=not_current)
    return must, may


class Mock:
    """`host-test mock` with a corpus, for as long as a `with` lasts; `config` leads to it."""

    def __init__(self, folder, corpus, address="127.0.0.1:0", options=()):
        self.file = os.path.join(folder, "corpus.json")
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(corpus, file)
        self.address = address
        self.options = list(options)

    def __enter__(self):
        command = [program("host-test"), "mock", "--addr", self.address, "--corpus", self.file, *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.config = json.loads(self.process.stdout.readline())
        # An incremental run then reads what changed and nothing to keep the rest fresh.
        self.config["refresh_days"] = 0
        self.address = self.config["base_url"].split("/")[2]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def program(name):
    """One of the project's commands, from the folder that PROGRAMS names."""
    return os.path.join(os.environ["PROGRAMS"], name)


def write(folder, name, content):
    """A JSON file, and where it lies."""
    name = os.path.join(folder, name)
    with open(name, "w", encoding="utf-8") as file:
        json.dump(content, file)
    return name


def load():
    """The corpus that CORPUS names, or a made-up one."""
    name = os.environ.get("CORPUS")
    if not name:
        return made_up()
    with open(name, encoding="utf-8") as file:
        return json.load(file)


def compare(what, found, expected):
    """Ends the program where two tables differ."""
    for stream in KEYS:
        if found[stream] != expected[stream]:
            missing, extra = expected[stream] - found[stream], found[stream] - expected[stream]
            raise SystemExit(f"{what}: {stream} lacks {list(missing)[:5]}, has {list(extra)[:5]}")
    counts = ", ".join(f"{len(found[stream])} {stream}" for stream in KEYS)
    print(f"{what}: {counts}")
