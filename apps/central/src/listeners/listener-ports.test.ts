import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { isTautlineError } from "@tautline/protocol";
import { listenOnAnyPort } from "@tautline/testing";
import { createListenerPorts, type ListenerPorts, type PortChange } from "./listener-ports.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import { openPort } from "./open-port.ts";

const HOST = "127.0.0.1";
const log = createLog("central", "error", { write: () => {} });
const closedNow: ListenerSettings = {
  agents: { bind: "public", port: 0, levels: ["mtls"] },
  plaintext: { bind: "off", port: 0 },
  isShared: false,
};

async function withPorts(
  use: (ports: ListenerPorts, accepted: () => readonly Socket[]) => Promise<void>,
  first: ListenerSettings = closedNow,
): Promise<void> {
  const sockets: Socket[] = [];
  const serve = (): Server =>
    createServer((socket) => void sockets.push(socket.on("error", () => {})));
  const hosts = { agents: HOST, plaintext: HOST };
  const ports = createListenerPorts({ first, hosts, serve, log });
  await ports.open();
  try {
    await use(ports, () => sockets);
  } finally {
    const closed = ports.close();
    ports.cut();
    await closed;
  }
}

const to = (
  next: PortChange["next"],
  keep: PortChange["keep"] = () => Promise.resolve(),
): PortChange => ({ next, keep });
const plaintextAt =
  (bind: "public" | "loopback" | "off", port: number) =>
  (now: ListenerSettings): ListenerSettings => ({ ...now, plaintext: { bind, port } });
const secureElsewhere = (now: ListenerSettings): ListenerSettings => ({
  ...now,
  agents: { ...now.agents, port: 0 },
});
const bothElsewhere = (now: ListenerSettings): ListenerSettings =>
  secureElsewhere(plaintextAt("public", 0)(now));
const portOf = (ports: ListenerPorts, name: "agents" | "plaintext"): number =>
  ports.addressesOf(name)[0]?.port ?? 0;

async function answers(port: number, host = HOST): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => "none",
    (reason: unknown) => reason,
  );
  return isTautlineError(error) ? error.code : String(error);
}

describe("ports that move while they are used", () => {
  it("know the free port they were given, and stay on it while something else changes", () =>
    withPorts(async (ports) => {
      const port = portOf(ports, "agents");
      assert.equal(ports.settings().agents.port, port);
      await ports.change(to((now) => ({ ...now, agents: { ...now.agents, levels: ["tls"] } })));
      assert.equal(portOf(ports, "agents"), port);
      assert.deepEqual(ports.settings().agents.levels, ["tls"]);
    }));

  it("open the new one before the old one closes, and keep what stands on the old one", () =>
    withPorts(async (ports, accepted) => {
      const old = portOf(ports, "agents");
      const standing = connect(old, HOST);
      await once(standing, "connect");
      const keep = async (before: ListenerSettings, after: ListenerSettings): Promise<void> => {
        assert.equal(before.agents.port, old);
        assert.ok(await answers(old), "the old one is still there");
        assert.ok(await answers(after.agents.port), "the new one is there already");
      };

      await ports.change(to(secureElsewhere, keep));
      assert.equal(await answers(old), false);
      const [first] = accepted();
      assert.equal(first?.destroyed, false);
      standing.destroy();
    }));

  it("go back to what was where the change cannot be kept", () =>
    withPorts(async (ports) => {
      const before = ports.settings();
      const work = ports.change(
        to(bothElsewhere, () => Promise.reject(new Error("the disk is full"))),
      );
      assert.equal(await codeOf(work), "Error: the disk is full");
      assert.deepEqual(ports.settings(), before);
      assert.ok(await answers(before.agents.port));
      assert.deepEqual(ports.addressesOf("plaintext"), []);
    }));

  it("take turns: of two changes at once the second begins with what the first made", () =>
    withPorts(async (ports) => {
      const seen: string[] = [];
      const bind = (to_: "public" | "off") => (now: ListenerSettings) => {
        seen.push(now.plaintext.bind);
        return plaintextAt(to_, 0)(now);
      };
      await Promise.all([ports.change(to(bind("public"))), ports.change(to(bind("off")))]);
      assert.deepEqual(seen, ["off", "public"]);
    }));

  it("make way for one another where both are one port to the kernel, and come back if that was in vain", () =>
    withPorts(async (ports) => {
      await ports.change(to(plaintextAt("public", 0)));
      const port = portOf(ports, "plaintext");
      const failing = to(plaintextAt("loopback", port), () => Promise.reject(new Error("no")));
      assert.equal(await codeOf(ports.change(failing)), "Error: no");
      assert.equal(ports.settings().plaintext.bind, "public");
      assert.ok(await answers(port));
      await ports.change(to(plaintextAt("loopback", port)));
      assert.equal(portOf(ports, "plaintext"), port);
      assert.ok(await answers(port));
    }));

  it("let the secure one take the port of the plaintext one that moves onto it", () =>
    withPorts(async (ports) => {
      await ports.change(to(plaintextAt("public", 0)));
      const { port } = ports.settings().plaintext;
      await ports.change(
        to((now) => ({ ...now, agents: { ...now.agents, port }, isShared: true })),
      );
      assert.equal(portOf(ports, "agents"), port);
      assert.deepEqual(ports.addressesOf("plaintext"), ports.addressesOf("agents"));
    }));

  it("change no more once they close, and leave nothing open", async () => {
    let late: Promise<string> | undefined;
    await withPorts(async (ports) => {
      const under = ports.change(to(plaintextAt("public", 0)));
      const closed = ports.close();
      late = codeOf(ports.change(to(plaintextAt("public", 0))));
      await Promise.allSettled([under, closed]);
      assert.deepEqual(ports.addressesOf("agents"), []);
    });
    assert.equal(await late, "central.stopping");
  });

  it("refuse a port of another program, naming the flag, and leave everything as it was", () =>
    withPorts(async (ports) => {
      const other = await listenOnAnyPort(createServer());
      const work = ports.change(to(plaintextAt("loopback", other.port)));
      assert.equal(await codeOf(work), "central.address_in_use");
      assert.deepEqual(ports.addressesOf("plaintext"), []);
      await other.close();
    }));

  it("open none where one of them cannot be opened", async () => {
    const other = await listenOnAnyPort(createServer());
    const first = plaintextAt("public", other.port)(closedNow);
    assert.equal(await codeOf(withPorts(async () => {}, first)), "central.address_in_use");
    await other.close();
  });
});

describe("QM-13: a port for this host alone", () => {
  it("listens on both loopback addresses, by one port", async () => {
    const place = { bind: "loopback", host: HOST, port: 0 } as const;
    const opened = await openPort(place, () => createServer(), log);
    const [first, second] = opened.addresses;
    assert.equal(first?.host, HOST);
    // A host without IPv6 has the first one alone.
    if (second !== undefined) assert.deepEqual(second, { host: "::1", port: first.port });
    await opened.close();
  });

  it("starts on a host that has no ::1", async () => {
    let made = 0;
    const make = (): Server => {
      const server = createServer();
      made += 1;
      if (made === 2) {
        const missing = Object.assign(new Error("no IPv6"), { code: "EADDRNOTAVAIL" });
        server.listen = () => {
          process.nextTick(() => server.emit("error", missing));
          return server;
        };
      }
      return server;
    };
    const opened = await openPort({ bind: "loopback", host: HOST, port: 0 }, make, log);
    assert.equal(opened.addresses.length, 1);
    await opened.close();
  });

  it("is not half open where ::1 has another program on that port", async () => {
    const six = createServer();
    try {
      six.listen(0, "::1");
      await once(six, "listening");
    } catch {
      // This host has no IPv6: there is nothing to be half open.
      return;
    }
    const { port } = six.address() as { port: number };
    const place = { bind: "loopback", host: HOST, port } as const;
    await assert.rejects(
      openPort(place, () => createServer(), log),
      /EADDRINUSE/,
    );
    assert.equal(await answers(port), false);
    six.close();
  });
});
