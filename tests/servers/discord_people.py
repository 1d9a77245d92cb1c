"""What people do on Discord: commands, presses, forms, direct messages, files; and what becomes of servers and channels."""

import asyncio

from tests.servers.discord_data import (
    APPLICATION,
    GUILD,
    NOW,
    Exchange,
    buttons_of,
    make_channel,
    make_guild,
    make_thread,
    make_user,
)
from tests.servers.discord_rules import require, walk


class People:
    """The part of the server that tests act through; the rest is the part that the bot sees."""

    async def command(self, channel, user, name, options=None, permissions=0, *, guild=GUILD, files=None):
        """Use a slash command such as "topics add", and wait for the whole answer."""
        exchange = await self.begin_command(channel, user, name, options, permissions, guild=guild, files=files)
        return await self.settle(exchange)

    async def begin_command(self, channel, user, name, options=None, permissions=0, *, guild=GUILD, files=None):
        data = self._command_data(name, options or {})
        if files:
            data["resolved"] = {"attachments": {each["id"]: each for each in files.values()}}
            inner = data["options"][0]["options"] if " " in name else data["options"]
            inner += [{"name": key, "type": 11, "value": each["id"]} for key, each in files.items()]
        return await self._interact(2, channel, user, data, permissions, guild)

    async def complete(self, channel, user, name, option, typed, *, guild=GUILD):
        """The choices that are offered for an option while it is typed."""
        data = self._command_data(name, {option: typed})
        (data["options"][0]["options"] if " " in name else data["options"])[0]["focused"] = True
        exchange = await self._interact(4, channel, user, data, 0, guild)
        await self.wait_for(lambda: exchange.choices is not None)
        return exchange.choices

    async def press(self, message, user, line, permissions=0, *, guild=GUILD):
        """Press the button, or choose the option, that stands for `line`, and wait for the whole answer."""
        for each in walk(message["components"]):
            if each.get("custom_id") == line:
                data = {"component_type": 2, "custom_id": line, "id": each["id"]}
                break
            if any(option["value"] == line for option in each.get("options") or ()):
                data = {"component_type": 3, "custom_id": each["custom_id"], "values": [line], "id": each["id"]}
                break
        else:
            raise AssertionError(f"no button for {line}: {buttons_of(message)}")
        exchange = await self._interact(3, message["channel_id"], user, data, permissions, guild, message)
        return await self.settle(exchange)

    async def submit(self, exchange, user, text, permissions=0, *, guild=GUILD):
        """Fill in the form that a press opened."""
        component = {"type": 4, "custom_id": exchange.form["components"][0]["component"]["custom_id"], "value": text}
        data = {"custom_id": exchange.form["custom_id"], "components": [{"type": 18, "component": component}]}
        answer = await self._interact(5, exchange.channel, user, data, permissions, guild, exchange.source)
        return await self.settle(answer)

    async def dm(self, user, text, *, attachments=(), is_bot=False):
        """Write a direct message, and wait for the answer: the messages that came of it."""
        channel = self.dm_channel(user)
        before = len(self.messages(channel))
        message = self._message(channel, {"content": text}, author=make_user(user, is_bot=is_bot))
        message |= {"attachments": list(attachments), "flags": 0}
        await self.dispatch("MESSAGE_CREATE", message)
        if is_bot:
            return []
        await self.wait_for(lambda: len(self.messages(channel)) > before)
        await self._quiet()
        return self.messages(channel)[before:]

    def place(self, channel):
        """What GET /channels tells; a channel that no test described is an ordinary one."""
        if channel in self.dm_channels.values():
            return {"id": channel, "type": 1, "recipients": [make_user("1")]}
        if channel not in self.places:
            return make_thread(channel, self.threads[channel]) if channel in self.threads else make_channel(channel)
        return self.places[channel]

    def add(self, place):
        """A channel or thread as `make_channel` and `make_thread` describe it; its id."""
        self.places[place["id"]] = place
        return place["id"]

    def dm_channel(self, user):
        return self.dm_channels.setdefault(str(user), str(next(self.ids)))

    def messages(self, channel):
        """What the bot said in the channel of its own accord or for all to see."""
        return self.channels.setdefault(channel, [])

    def attach(self, name, content):
        """A file as a person's client uploads it."""
        identifier = str(next(self.ids))
        self.files[identifier] = content
        url = f"{self.base}/files/{identifier}"
        return {"id": identifier, "filename": name, "size": len(content), "url": url, "proxy_url": url}

    async def settle(self, exchange):
        """Wait until the interaction is answered and nothing more comes."""
        await self.wait_for(
            lambda: (
                exchange.form or (exchange.ack and not exchange.is_open and (exchange.ack != 6 or exchange.messages))
            )
        )
        await self._quiet()
        return exchange

    async def _quiet(self):
        seen = -1
        while seen != len(self.requests):
            seen = len(self.requests)
            await asyncio.sleep(0.04)

    def _command_data(self, name, options):
        words = name.split(" ")
        known = next((each for each in self.commands if each["name"] == words[0]), None)
        require(known is not None, f"there is no command {words[0]}")
        if len(words) > 1:
            known = next(each for each in known["options"] if each["name"] == words[1])
        offered = {each["name"]: each["type"] for each in known["options"]}
        require(set(options) <= set(offered), f"/{name} has no options {set(options) - set(offered)}")
        given = [{"name": key, "type": offered[key], "value": value} for key, value in options.items()]
        chosen = [value for key, value in options.items() if offered[key] == 7]
        if len(words) > 1:
            given = [{"name": words[1], "type": 1, "options": given}]
        data = {"id": "1", "name": words[0], "type": 1, "options": given}
        resolved = {each: self.place(each) | {"permissions": "0"} for each in chosen}
        return data | ({"resolved": {"channels": resolved}} if chosen else {})

    async def _interact(self, kind, channel, user, data, permissions, guild, message=None):
        identifier = str(next(self.ids))
        exchange = Exchange(identifier, f"interaction-token-{identifier}", kind, channel, data, message)
        exchange.sent = asyncio.get_running_loop().time()
        self.exchanges[exchange.token] = exchange
        payload = {
            "id": identifier, "application_id": APPLICATION, "type": kind, "token": exchange.token, "version": 1,
            "data": data, "channel_id": channel, "channel": {"id": channel, "type": 0 if guild else 1},
            "app_permissions": "0", "locale": self.locale, "entitlements": [], "attachment_size_limit": 10_000_000,
            "authorizing_integration_owners": {"1": user} if self.is_guest else {"0": guild or "0"}, "context": 0 if guild else 1,
        }  # fmt: skip
        if message is not None:
            payload["message"] = message
        if guild:
            payload |= {"guild_id": guild, "guild": {"id": guild, "locale": "en-US", "features": []}}
            payload["channel"] |= {"guild_id": guild, "name": "papers", "position": 0, "permission_overwrites": []}
            if channel in self.threads:
                times = {"archived": False, "auto_archive_duration": 60, "archive_timestamp": NOW, "locked": False}
                payload["channel"] |= {"type": 11, "parent_id": self.threads[channel], "owner_id": "1"}
                payload["channel"] |= {"thread_metadata": times, "message_count": 0, "member_count": 1}
            payload["member"] = {
                "user": make_user(user), "roles": [], "joined_at": NOW, "deaf": False, "mute": False, "flags": 0,
                "permissions": str(permissions), "nick": None, "avatar": None, "premium_since": None, "pending": False,
            }  # fmt: skip
        else:
            payload["channel"] |= {"recipients": [make_user(user)]}
            payload["user"] = make_user(user)
        await self.dispatch("INTERACTION_CREATE", payload)
        return exchange

    # What becomes of servers and channels.

    async def remove_bot(self):
        """Somebody removes the bot from the server."""
        self.is_removed = True
        await self.dispatch("GUILD_DELETE", {"id": GUILD})

    async def add_bot(self):
        """Somebody adds it again."""
        self.is_removed = False
        guild = self.make_guild()
        del guild["unavailable"]
        await self.dispatch("GUILD_CREATE", guild)

    async def lose_guild(self):
        """Discord itself has an outage of this server."""
        await self.dispatch("GUILD_DELETE", {"id": GUILD, "unavailable": True})

    async def change_channel(self, channel, **changes):
        self.places[channel] = self.place(channel) | changes
        await self.dispatch("CHANNEL_UPDATE", self.places[channel])

    async def delete_channel(self, channel):
        self.gone.add(channel)
        await self.dispatch("CHANNEL_DELETE", self.place(channel))

    async def change_thread(self, thread, *, archived=False, locked=False):
        self.places[thread] = place = self.place(thread)
        place["thread_metadata"] |= {"archived": archived, "locked": locked}
        await self.dispatch("THREAD_UPDATE", place)

    async def delete_thread(self, thread):
        self.gone.add(thread)
        place = self.place(thread)
        await self.dispatch("THREAD_DELETE", {key: place[key] for key in ("id", "guild_id", "parent_id", "type")})

    def make_guild(self):
        """The server as the gateway tells of it, with the channels that tests described."""
        here = [each for each in self.places.values() if each.get("guild_id") == GUILD and each["id"] not in self.gone]
        threads = [each for each in here if "thread_metadata" in each and not each["thread_metadata"]["archived"]]
        return make_guild() | {
            "channels": [each for each in here if "thread_metadata" not in each],
            "threads": threads,
        }
