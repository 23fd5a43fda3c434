import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { withCentral } from "../running-central.ts";
import { joinByHand } from "./hand-made-agent.ts";
import {
  type Ended,
  type LevelCentral,
  logged,
  makeReport,
  openLevelCentral,
  requirePeer,
  runPeer,
  seenAs,
} from "./level-central.ts";

const TYPE = ["-H", "content-type: application/x-protobuf"];
const curl = (...args: readonly string[]): Promise<Ended> =>
  runPeer("curl", ["--silent", "--show-error", "--include", ...TYPE, ...args]);
const post = (file: string, url: string, ...more: readonly string[]): Promise<Ended> =>
  curl("--data-binary", `@${file}`, ...more, `${url}/v1/opamp`);

before(() => requirePeer("curl"));

describe("curl at the levels of a running central", () => {
  let central: LevelCentral;
  before(async () => {
    central = await openLevelCentral();
  });
  after(() => central[Symbol.asyncDispose]());

  it("over plaintext is seen as a claim", async () => {
    const { id, bodyFile } = makeReport(central.folder);
    const { said } = await post(bodyFile, `http://127.0.0.1:${central.plaintextPort}`);
    assert.match(said, /^HTTP\/1\.1 200 OK/);
    assert.deepEqual(await seenAs(central, id), {
      state: "unproven",
      level: "plaintext",
      keyId: null,
      transport: "polling",
      clientProven: false,
    });
  });

  it("over mtls with an agent's certificate is that agent", async () => {
    const agent = await joinByHand(await central.token(), central.folder);
    const { bodyFile } = makeReport(central.folder, agent.id);
    const identity = ["--cert", agent.clientChainFile, "--key", agent.clientKeyFile];
    const url = `https://127.0.0.1:${central.agentsPort}`;
    const { said } = await post(bodyFile, url, "--cacert", agent.rootsFile, ...identity);
    assert.match(said, /^HTTP\/1\.1 200 OK/);
    assert.deepEqual(await seenAs(central, agent.id), {
      state: "active",
      level: "mtls",
      keyId: null,
      transport: "polling",
      clientProven: true,
    });
  });

  it("with prior knowledge of HTTP/2 is refused by a GOAWAY, and central's log says what curl is to be told", async () => {
    const { bodyFile } = makeReport(central.folder);
    const url = `http://127.0.0.1:${central.plaintextPort}`;
    const { code, said } = await post(bodyFile, url, "--http2-prior-knowledge", "--verbose");
    assert.notEqual(code, 0);
    // INADEQUATE_SECURITY (RFC 9113 section 7); curl does not show the words that come with it.
    assert.match(said, /GOAWAY, error=12/);
    const { remedy } = await logged(central, "link.level_closed", /\(link\.http_version\)/);
    assert.match(remedy, /HTTP\/1\.1 \(curl: --http1\.1\)/);
  });

  it("that is kept to TLS 1.2 is refused by the alert protocol_version, and central's log names the reason", async () => {
    const { bodyFile } = makeReport(central.folder);
    const url = `https://127.0.0.1:${central.agentsPort}`;
    const { code, said } = await post(bodyFile, url, "--insecure", "--tls-max", "1.2");
    assert.notEqual(code, 0);
    assert.match(said, /alert protocol version/);
    const { remedy } = await logged(central, "link.tls_version", /speaks TLS 1\.3 only/);
    assert.match(remedy, /Update the TLS library of the other end/);
  });
});

describe("curl where plaintext is not accepted (OV-20)", () => {
  it("is told the levels and the setting in a problem document, by a GOAWAY in HTTP/2, and so is the log", () =>
    withCentral(async (central) => {
      const { bodyFile } = makeReport(central.folder);
      const url = `http://127.0.0.1:${central.agentsPort}/v1/opamp`;
      const { said } = await curl("--data-binary", `@${bodyFile}`, url);
      assert.match(said, /^HTTP\/1\.1 426 .*^content-type: application\/problem\+json\r$/ms);
      const [, body = ""] = said.split("\r\n\r\n");
      const problem = JSON.parse(body) as Record<string, unknown>;
      assert.equal(problem["code"], "admission.level_not_accepted");
      assert.match(String(problem["detail"]), /central offers tls, mtls/);
      assert.match(String(problem["remedy"]), /'tautline listeners set plaintext --bind public'/);
      const { remedy } = await logged(central, "link.level_closed", /at the level plaintext/);
      assert.equal(remedy, problem["remedy"]);
      const { code, said: http2 } = await curl("--http2-prior-knowledge", "--verbose", url);
      assert.notEqual(code, 0);
      assert.match(http2, /GOAWAY, error=12/);
    }));
});
