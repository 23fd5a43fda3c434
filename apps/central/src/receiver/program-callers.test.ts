import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CertificateMark } from "@tautline/link";
import { certificatesFromPem, createCsr, createKeyPair, serialOf, spkiPin } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import { programsOf } from "../control/fixture-sessions.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { type Core, joinNew, withCore } from "../fixture-core.test.ts";
import { revokeCertificate } from "../revocation/certificate-revocation.ts";
import { evidenceAt } from "./fixture-links.test.ts";
import type { LiveReceiverLink } from "./link-table.ts";
import { findProgram, judgePrograms } from "./program-callers.ts";
import { createProgramWatch } from "./program-watch.ts";

const ACTOR = "operator:ana";
const NAMES = ["shop.example", "10.0.0.5"];
const DAY_MS = 86_400_000;

interface Made {
  readonly serial: string;
  readonly mark: CertificateMark;
}

function madeOf({ serial, chainPem }: { serial: string; chainPem: string }): Made {
  const [keyPin = "", issuerPin = ""] = certificatesFromPem(chainPem).map((each) =>
    spkiPin(each).toString("hex"),
  );
  return { serial, mark: { serial, keyPin, issuerPin } };
}

async function issue(core: Core, use: "client" | "server" | "both" = "client"): Promise<Made> {
  const csrPem = createCsr(createKeyPair("p256").privateKey);
  const order = { names: NAMES, use, csrPem, namespace: "", wildcard: false, actor: ACTOR };
  return madeOf(await programsOf(core).issuer.issueForOperator({ ...order, lifetimeMs: DAY_MS }));
}

async function issueKept(core: Core): Promise<Made & { readonly agentId: string }> {
  const { names, issuer } = programsOf(core);
  const { id: agentId } = await joinNew(core);
  const place = { namespace: "default", names: NAMES, use: "client" as const };
  await names.allow({ ...place, actor: ACTOR });
  const csrPem = createCsr(createKeyPair("p256").privateKey);
  return { agentId, ...madeOf(await issuer.issueForAgent({ agentId, csrPem, ...place })) };
}

const revoke = ({ store, audit, clock }: Core, serial: string) =>
  revokeCertificate(
    { store, audit, now: clock.now },
    { serial, reason: "keyCompromise", actor: ACTOR },
  );

describe("the record of a program's certificate", () => {
  it("says the first of its names, and the namespace that it belongs to", () =>
    withCore(async (core) => {
      const { mark, serial } = await issue(core, "both");
      const known = { kind: "program", name: "shop.example", serial };
      assert.deepEqual(await findProgram(core, mark), { ...known, namespace: "" });
      const kept = await issueKept(core);
      assert.deepEqual(await findProgram(core, kept.mark), {
        ...known,
        serial: kept.serial,
        namespace: "default",
      });
    }));

  it("A17: is found by issuer, serial and key together, and only where it is a program's that calls", () =>
    withCore(async (core) => {
      const { mark } = await issue(core);
      const { enrolled } = await joinNew(core);
      const { clientCertificate: leaf } = enrolled;
      const keyPin = spkiPin(leaf).toString("hex");
      const agents = { ...mark, serial: serialOf(leaf), keyPin };
      const server = await issue(core, "server");
      for (const other of [
        { ...mark, serial: "00" },
        { ...mark, keyPin: server.mark.keyPin },
        { ...mark, issuerPin: mark.keyPin },
        server.mark,
        agents,
      ]) {
        await refusalOf(findProgram(core, other), "receiver.program_unknown");
      }
    }));

  it("A28: opens nothing once it, or the agent that keeps it, has ended; a quarantine ends it as well", () =>
    withCore(async (core) => {
      const { mark, serial } = await issue(core);
      const kept = await issueKept(core);
      assert.equal((await judgePrograms(core.store, [serial, kept.serial, serial])).size, 0);
      await revoke(core, serial);
      await refusalOf(findProgram(core, mark), "receiver.program_revoked");
      await core.life.quarantine(kept.agentId, ACTOR);
      await refusalOf(findProgram(core, kept.mark), "admission.agent_quarantined");
      await core.life.release(kept.agentId, ACTOR);
      await findProgram(core, kept.mark);
      await core.agents.revoke(kept.agentId, ACTOR);
      const refused = await judgePrograms(core.store, [serial, kept.serial, "00"]);
      assert.deepEqual(
        [...refused.values()].map(({ code }) => code),
        ["receiver.program_revoked", "receiver.program_revoked", "receiver.program_unknown"],
      );
    }));
});

function linkOf(serial: string): LiveReceiverLink {
  const identity = { kind: "program", name: "shop.example", namespace: "", serial } as const;
  // Nothing of a link but whose it is matters here.
  return { identity, evidence: evidenceAt("mtls") } as unknown as LiveReceiverLink;
}

describe("the watch of programs' links", () => {
  it("ends those whose certificate has ended, and looks at the records only where something ended or somebody came", () =>
    withCore(async (core) => {
      const [gone, stays] = [await issue(core), await issue(core)];
      const links = [linkOf(gone.serial), linkOf(stays.serial)];
      let reads = 0;
      const read: Core["store"]["read"] = (work) => {
        reads += 1;
        return core.store.read(work);
      };
      const watch = createProgramWatch({ ...core.store, read });
      const ended: string[] = [];
      const look = async (): Promise<number> => {
        reads = 0;
        await watch.look(links, ({ identity }, { code }) => {
          assert.ok(identity.kind === "program");
          ended.push(`${identity.serial} ${code}`);
        });
        return reads;
      };
      await look();
      assert.equal(await look(), 1, "the counter alone");
      watch.noteArrival();
      assert.equal(await look(), 2);
      assert.deepEqual(ended, []);
      await revoke(core, gone.serial);
      await look();
      assert.deepEqual(ended, [`${gone.serial} receiver.program_revoked`]);
    }));

  it("F11: what could not be read is looked at again", () =>
    withCore(async (core) => {
      const { serial } = await issue(core);
      let isDown = true;
      const read: Core["store"]["read"] = (work) =>
        isDown ? Promise.reject(new TautlineError("store.failed")) : core.store.read(work);
      const watch = createProgramWatch({ ...core.store, read });
      const ended: string[] = [];
      const look = () => watch.look([linkOf(serial)], (_link, { code }) => void ended.push(code));
      watch.noteArrival();
      await revoke(core, serial);
      await refusalOf(look(), "store.failed");
      isDown = false;
      await look();
      assert.deepEqual(ended, ["receiver.program_revoked"]);
    }));
});
