import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { withCentral } from "../running-central.ts";
import {
  GUIDE,
  KEY_NAME,
  type LevelCentral,
  logged,
  makeReport,
  openLevelCentral,
  requirePeer,
  runPeer,
  seenAs,
  WRONG_KEY,
  type Ended,
} from "./level-central.ts";

/** Where a program dials, with which key under which name. */
interface Dialling {
  readonly port: number;
  readonly identity: string;
  readonly pskHex: string;
}

type Peer = (dialling: Dialling, input?: Uint8Array) => Promise<Ended>;

/** Fills in a command of the guide, so that what operators paste is what runs here. */
const fromGuide =
  (...words: readonly string[]): Peer =>
  async ({ port, identity, pskHex }, input) => {
    const line = GUIDE.split("\n").find((each) => words.every((word) => each.includes(word)));
    const [command = "", ...args] = (line ?? "").replace(/^\$ /, "").split(" ");
    const filled: Readonly<Record<string, string>> = {
      "central.example.org:9150": `127.0.0.1:${port}`,
      "central.example.org": "127.0.0.1",
      "9150": String(port),
      [KEY_NAME]: identity,
      '"$hex"': pskHex,
    };
    return runPeer(
      command,
      args.map((word) => filled[word] ?? word),
      input,
    );
  };

/** Each with the alerts that it names where it is refused: for its key, and for its level. */
const PEERS: readonly { readonly who: string; readonly dial: Peer; readonly alert: RegExp }[] = [
  {
    who: "openssl s_client, TLS 1.3",
    dial: fromGuide("$ openssl", "-tls1_3"),
    alert: /alert number 51/,
  },
  {
    who: "openssl s_client, TLS 1.2",
    dial: fromGuide("$ openssl", "-tls1_2"),
    alert: /alert number 20/,
  },
  { who: "gnutls-cli, TLS 1.3", dial: fromGuide("$ gnutls-cli"), alert: /alert \[51\]/ },
];

/** Suites that do not do: the alert, central's code, and words of its remedy. */
const SUITES: [string, string[], RegExp, string, RegExp][] = [
  [
    "TLS 1.3 and a suite of SHA-384",
    ["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
    /alert number 40/,
    "link.key_missing",
    /one that this end cannot use/,
  ],
  [
    "TLS 1.2 and no key exchange of its own",
    ["-tls1_2", "-cipher", "PSK-AES256-GCM-SHA384"],
    /alert number 70/,
    "link.tls_version",
    /DHE-PSK-AES256-GCM-SHA384/,
  ],
];

before(async () => {
  await requirePeer("openssl");
  await requirePeer("gnutls-cli");
});

describe("a program with TLS-PSK and the hex of 'keys show --psk-hex', at central's agents' port", () => {
  let central: LevelCentral;
  before(async () => {
    central = await openLevelCentral();
  });
  after(() => central[Symbol.asyncDispose]());

  const right = (): Dialling => ({
    port: central.agentsPort,
    identity: KEY_NAME,
    pskHex: central.pskHex,
  });

  for (const { who, dial, alert } of PEERS) {
    it(`${who}: reports by HTTP, is seen at level advanced with its key, and is believed nothing`, async () => {
      const { id, request } = makeReport(central.folder);
      const { said } = await dial(right(), request);
      assert.match(said, /^HTTP\/1\.1 200 OK/m);
      assert.match(said, /^tautline-offer: .*levels=plaintext,basic,advanced,tls,mtls/m);
      assert.deepEqual(await seenAs(central, id), {
        state: "unproven",
        level: "advanced",
        keyId: `${KEY_NAME}#1`,
        transport: "polling",
        clientProven: false,
      });
    });

    it(`${who}: is refused by an alert that is the same for a wrong key and for the name of none`, async () => {
      const strangers = [
        { ...right(), pskHex: WRONG_KEY },
        { ...right(), identity: "nobody" },
        { ...right(), identity: `${KEY_NAME}#7` },
      ];
      const alerts = new Set<string | undefined>();
      for (const stranger of strangers) {
        const { code, said } = await dial(stranger);
        assert.notEqual(code, 0);
        assert.match(said, alert);
        alerts.add(/alert number \d+|alert \[\d+\]/.exec(said)?.[0]);
      }
      assert.equal(alerts.size, 1);
      const { remedy } = await logged(central, "link.key_unproven", /'nobody' was not proven/);
      assert.match(remedy, /'tautline keys list'.*'tautline keys show NAME --psk-hex'/);
    });
  }

  it("with the right key and a suite that does not do is told by an alert, and central's log says what would do", async () => {
    const where = ["s_client", "-connect", `127.0.0.1:${central.agentsPort}`];
    const key = ["-psk_identity", KEY_NAME, "-psk", central.pskHex];
    for (const [what, suite, alert, code, words] of SUITES) {
      const { said } = await runPeer("openssl", [...where, ...key, ...suite]);
      assert.match(said, alert, what);
      assert.match((await logged(central, code, /./)).remedy, words, what);
    }
  });
});

describe("a program with TLS-PSK where central does not accept advanced (OV-20)", () => {
  it("is told so by the alert insufficient_security, and central's log has the command that lets it in", () =>
    withCentral(async (central) => {
      const stranger = { port: central.agentsPort, identity: KEY_NAME, pskHex: WRONG_KEY };
      for (const { who, dial } of PEERS) {
        const { code, said } = await dial(stranger);
        assert.notEqual(code, 0, who);
        assert.match(said, /insufficient security|alert number 71|alert \[71\]/i, who);
      }
      const { remedy } = await logged(central, "link.level_closed", /at the level advanced/);
      assert.match(remedy, /'tautline listeners set agents --levels tls,mtls,advanced'/);
    }));
});
