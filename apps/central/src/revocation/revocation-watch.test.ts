import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { serialOf } from "@tautline/pki";
import type { TautlineError } from "@tautline/protocol";
import type { Caller, LapsedCaller, TokenCaller } from "../control/caller.ts";
import { createClaimSession } from "../control/claim-session.ts";
import { claimCaller } from "../control/fixture-arrivals.test.ts";
import { joinedCaller, messageOf } from "../control/fixture-messages.test.ts";
import { claimDepsOf } from "../control/fixture-sessions.test.ts";
import type { LiveLink } from "../control/live-links.ts";
import {
  type ArrivingConnection,
  createOpenConnections,
  type OpenConnections,
} from "../control/open-connections.ts";
import {
  type Core,
  joinNew,
  joinWith,
  makeJoiner,
  makeToken,
  mutualEvidence,
  withCore,
} from "../fixture-core.test.ts";
import { revokeCertificate } from "./certificate-revocation.ts";
import { createRevocationWatch, type RevocationWatch } from "./revocation-watch.ts";

const log = createLog("central", "error", { write: () => {} });

/** One process on a database that others write to as well. */
interface Process {
  readonly watch: RevocationWatch;
  readonly connections: OpenConnections;
  readonly links: LiveLink[];
  /** What was ended and why, in order. */
  readonly ended: string[];
  readonly followed: { count: number };
}

const sorted = (texts: readonly string[]): string[] =>
  texts.toSorted((one, other) => (one < other ? -1 : 1));

function startProcess({ store }: Core): Process {
  const connections = createOpenConnections();
  const links: LiveLink[] = [];
  const followed = { count: 0 };
  const onEnded = (): void => void (followed.count += 1);
  const live = { all: () => links };
  const watch = createRevocationWatch({ store, live, connections, log, onEnded });
  return { watch, connections, links, ended: [], followed };
}

/** A socket as far as a table of connections looks at it. */
class FakeSocket extends EventEmitter {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

const arriving = (socket: FakeSocket): ArrivingConnection => ({
  socket: socket as unknown as Socket,
  kind: "control",
});

async function connect(
  { connections, ended }: Process,
  name: string,
  caller: Caller,
  agentId?: string,
): Promise<FakeSocket> {
  const socket = new FakeSocket();
  await connections.admit(arriving(socket), () => Promise.resolve(caller));
  const end = ({ code }: TautlineError): void => {
    ended.push(`${name} ${code}`);
    socket.destroy();
  };
  connections.giveVoice(caller, { agentId: () => agentId, end });
  return socket;
}

async function tokenCaller(core: Core): Promise<TokenCaller> {
  const { tokenId, secret } = await makeToken(core);
  const token = await core.tokens.prove(tokenId, secret);
  return { kind: "token", token, evidence: mutualEvidence("", ""), remoteAddress: "::1" };
}

describe("what another process ended", () => {
  it("whoever claims an id is shown out when its agent joins, or is deleted; others stay", () =>
    withCore(async (core) => {
      const here = startProcess(core);
      const claim = async (name: string, id: string): Promise<void> => {
        const caller = claimCaller();
        await createClaimSession(claimDepsOf(core), caller).receive(messageOf(id, 1));
        await connect(here, name, caller, id);
        const { evidence, remoteAddress } = caller;
        const end = ({ code }: TautlineError): void =>
          void here.ended.push(`${name} polls ${code}`);
        const link = { id: name, agentId: id, namespace: "default", transport: "polling" } as const;
        here.links.push({
          ...link,
          remoteAddress,
          evidence,
          isClaim: true,
          push: async () => {},
          end,
        });
      };
      const [joins, deleted, stays] = [makeJoiner(), makeJoiner(), makeJoiner()];
      await claim("joins", joins.id);
      await claim("deleted", deleted.id);
      await claim("stays", stays.id);
      await here.watch.look();
      assert.deepEqual(here.ended, []);
      await joinWith(core, await makeToken(core), joins.request);
      await core.life.delete({ id: deleted.id, actor: "operator:local", force: false });
      await here.watch.look();
      assert.deepEqual(sorted(here.ended), [
        "deleted admission.claim_ended",
        "deleted polls admission.claim_ended",
        "joins admission.claim_ended",
        "joins polls admission.claim_ended",
      ]);
    }));

  it("A28, F19: links, polling, renewing and joining of a revoked agent are ended here; others stay", () =>
    withCore(async (core) => {
      const here = startProcess(core);
      const [gone, stays] = [await joinedCaller(core), await joinedCaller(core)];
      await connect(here, "gone", gone);
      await connect(here, "stays", stays);
      const lapsed: LapsedCaller = {
        kind: "lapsed",
        agentId: gone.agent.id,
        serial: gone.evidence.peerSerial ?? "",
        expiredAtMs: 0,
        isLate: false,
        evidence: gone.evidence,
        remoteAddress: "::1",
      };
      await connect(here, "renewing", lapsed);
      await connect(here, "joined and still there", await tokenCaller(core), gone.agent.id);
      await connect(here, "joining", await tokenCaller(core));
      const { id: agentId, namespace } = gone.agent;
      here.links.push({
        id: "l",
        agentId,
        namespace,
        transport: "polling",
        remoteAddress: "::1",
        evidence: gone.evidence,
        push: async () => {},
        end: ({ code }) => void here.ended.push(`polling ${code}`),
      });
      await here.watch.look();
      assert.deepEqual(here.ended, []);
      await core.agents.revoke(gone.agent.id, "operator:local");
      await here.watch.look();
      assert.deepEqual(sorted(here.ended), [
        "gone admission.agent_revoked",
        "joined and still there admission.agent_revoked",
        "polling admission.agent_revoked",
        "renewing admission.agent_revoked",
      ]);
      assert.equal(here.followed.count, 2, "at the start and at the ending");
      await here.watch.look();
      assert.equal(here.followed.count, 2, "and not where nothing has ended");
    }));

  it("A17: one revoked certificate ends what goes by it and by its key, not the agent's other certificates", () =>
    withCore(async (core) => {
      const here = startProcess(core);
      const caller = await joinedCaller(core);
      const serial = caller.evidence.peerSerial ?? "";
      const again = async (other: string, pin?: string): Promise<Caller> => {
        await core.store.write(async (trx) => {
          const row = await trx
            .selectFrom("certificates")
            .selectAll()
            .where("serial", "=", serial)
            .executeTakeFirstOrThrow();
          const copy = { ...row, serial: other, pin: pin ?? row.pin };
          await trx.insertInto("certificates").values(copy).execute();
        });
        return { ...caller, evidence: { ...caller.evidence, peerSerial: other } };
      };
      await connect(here, "the certificate", caller);
      await connect(here, "another over its key", await again("4f01"));
      await connect(here, "another key", await again("4f02", "00"));
      const { store, audit, clock } = core;
      const order = { serial, reason: "keyCompromise", actor: "operator:local" } as const;
      await revokeCertificate({ store, audit, now: clock.now }, order);
      await here.watch.look();
      assert.deepEqual(sorted(here.ended), [
        "another over its key admission.certificate_revoked",
        "the certificate admission.certificate_revoked",
      ]);
    }));

  it("a revoked token ends the joining that goes by it", () =>
    withCore(async (core) => {
      const here = startProcess(core);
      const [gone, stays] = [await tokenCaller(core), await tokenCaller(core)];
      await connect(here, "gone", gone);
      await connect(here, "stays", stays);
      await core.tokens.revoke(gone.token.id, "operator:local");
      await here.watch.look();
      assert.deepEqual(here.ended, ["gone enrolment.token_revoked"]);
    }));

  it("a connection whose protocol cannot say anything is just cut", () =>
    withCore(async (core) => {
      const here = startProcess(core);
      const caller = await joinedCaller(core);
      const socket = new FakeSocket();
      await here.connections.admit(arriving(socket), () => Promise.resolve(caller));
      await core.agents.revoke(caller.agent.id, "operator:local");
      await here.watch.look();
      assert.equal(socket.destroyed, true);
      assert.deepEqual(here.connections.all(), []);
    }));

  it("F19: who is judged by the records of before, while somebody is revoked, is judged again", () =>
    withCore(async (core) => {
      const here = startProcess(core);
      const caller = await joinedCaller(core);
      const judged = Promise.withResolvers<Caller>();
      let times = 0;
      const admitted = here.connections.admit(arriving(new FakeSocket()), () => {
        times += 1;
        if (times === 1) return judged.promise;
        return Promise.reject(new Error("refused"));
      });
      await core.agents.revoke(caller.agent.id, "operator:local");
      await here.watch.look();
      judged.resolve(caller);
      await assert.rejects(admitted, /refused/);
      assert.deepEqual(here.connections.all(), []);
    }));

  it("a look that fails is made up for by the next", () =>
    withCore(async (core) => {
      let fails = true;
      const store: Core["store"] = {
        ...core.store,
        read: (work) =>
          fails ? Promise.reject(new Error("the disk is gone")) : core.store.read(work),
      };
      const here = startProcess({ ...core, store });
      const { enrolled, id } = await joinNew(core);
      const evidence = mutualEvidence("", serialOf(enrolled.clientCertificate));
      const caller = { ...(await joinedCaller(core)), agent: { id } as never, evidence };
      await connect(here, "gone", caller);
      await core.agents.revoke(id, "operator:local");
      await assert.rejects(here.watch.look(), /the disk is gone/);
      fails = false;
      await here.watch.look();
      assert.deepEqual(here.ended, ["gone admission.agent_revoked"]);
    }));
});

describe("the counter of endings", () => {
  it("rises with every way to end, whoever writes it, and with nothing else", () =>
    withCore(async (core) => {
      const read = async (): Promise<number> => {
        const db = await core.store.read((reader) =>
          reader.selectFrom("counters").select("value").executeTakeFirstOrThrow(),
        );
        return db.value;
      };
      const { id, enrolled } = await joinNew(core);
      const { tokenId } = await makeToken(core);
      await core.agents.activate(id);
      await core.agents.saveStatus(id, { version: "2" });
      await core.agents.noteSeen([{ id, atMs: 1, level: "mtls", group: null }]);
      assert.equal(await read(), 0);
      const serial = serialOf(enrolled.clientCertificate);
      const endings: readonly (() => Promise<unknown>)[] = [
        () => core.tokens.revoke(tokenId, "operator:local"),
        () =>
          core.store.write((trx) =>
            trx
              .updateTable("certificates")
              .set({ revoked_at: 1 })
              .where("serial", "=", serial)
              .execute(),
          ),
        () =>
          core.store.write((trx) =>
            trx.updateTable("agents").set({ state: "revoked" }).where("id", "=", id).execute(),
          ),
        () =>
          core.store.write((trx) =>
            trx.deleteFrom("certificates").where("serial", "=", serial).execute(),
          ),
        () => core.store.write((trx) => trx.deleteFrom("agents").where("id", "=", id).execute()),
        () =>
          core.store.write((trx) => trx.deleteFrom("tokens").where("id", "=", tokenId).execute()),
      ];
      for (const [before, end] of endings.entries()) {
        await end();
        assert.equal(await read(), before + 1);
      }
    }));
});
