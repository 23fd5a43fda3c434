import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseProperties } from "./properties.ts";
import { decideWebsocket } from "./websocket-rule.ts";

const decide = (text: string) => decideWebsocket(parseProperties("agent.conf", text));
const secure = (jvm: string) =>
  decide(`central.host=a\ncentral.websocket.secure=true\njetty.jvm.args=${jvm}`);
const STORE = "-Djavax.net.ssl.trustStore";

describe("decideWebsocket", () => {
  it("QM-4, QM-7: the secure switch decides level and port; 9150 and 8787 are the defaults", () => {
    const table: [string, string, number][] = [
      ["central.websocket.secure=true", "tls", 9150],
      ['central.websocket.secure = "TRUE"\ncentral.websocket.secure.port = 9443', "tls", 9443],
      ["central.websocket.secure=false\ncentral.websocket.secure.port=9443", "plaintext", 8787],
      ["central.websocket.port=8788", "plaintext", 8788],
      ["jetty.jvm.args=-Xmx64m", "plaintext", 8787],
    ];
    for (const [text, level, port] of table) {
      const decided = decide(text);
      assert.deepEqual([decided.level, decided.port], [level, port], text);
    }
  });

  it("names central in any of the ways it is written, an IPv6 address in brackets", () => {
    const table: [string, string | undefined][] = [
      ["central.websocket.host=central.example.org", "central.example.org"],
      ['central.host="192.0.2.7"', "192.0.2.7"],
      ["central.address=2001:db8::1", "[2001:db8::1]"],
      ["central.host=a\ncentral.websocket.host=b", "b"],
      ["central.websocket.secure=false", undefined],
    ];
    for (const [text, host] of table) assert.equal(decide(text).host, host, text);
    assert.ok(decide("").findings.some(({ what }) => what.includes("where central is")));
  });

  it("says that a link without the switch is plaintext", () => {
    const warning = decide("central.host=a\ncentral.websocket.secure=false").findings.at(-1);
    assert.deepEqual([warning?.severity, warning?.line], ["warning", 2]);
  });

  const refused: [string, RegExp][] = [
    ["central.websocket.secure=on", /agent\.conf: line 1: it is neither true nor false/],
    ["central.websocket.secure.port=0", /line 1: it is no port from 1 to 65535/],
    ["central.websocket.port=65536", /line 1: it is no port/],
    ["central.websocket.port=09", /line 1: it is no port/],
    ["central.host=a b", /line 1: it is no host's name or address/],
    ["central.host=http://a", /line 1: it is no host's name/],
    [
      "central.websocket.port=9000\ncentral.websocket.secure.port=9000",
      /line 2 and line 1: the secure port and the unencrypted port are both 9000 \(QM-7\)/,
    ],
    [
      "central.websocket.secure.port=8787",
      /line 1: the secure port and the unencrypted port are both 8787/,
    ],
    ["central.websocket.secur=true", /line 1: central\.websocket\.secur is none of the settings/],
    ["central.websocket.Secure=true", /line 1: central\.websocket\.Secure is none/],
    ["central.websocket.secure.prot=9", /line 1: central\.websocket\.secure\.prot is none/],
  ];
  for (const [text, says] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => decide(text), says));
  }

  it("QM-5: a trust store in PEM is taken as it is", () => {
    for (const jvm of [
      `-Xmx64m ${STORE}=/etc/central.pem -Dx=y`,
      `${STORE}=a.jks ${STORE}=/etc/central.pem`,
      `${STORE}=/etc/central.pem ${STORE}Type=pem`,
      `"${STORE}=/etc/central.pem"`,
    ]) {
      const { trust, findings } = secure(jvm);
      assert.deepEqual([trust, findings], [{ caFile: "/etc/central.pem" }, []], jvm);
    }
  });

  it("QM-5: a JKS or PKCS #12 cannot be read; the finding has the command, and no password", () => {
    const table: [string, string, string][] = [
      [
        `${STORE}=conf/security/truststore.jks ${STORE}Password=changeit`,
        "conf/security/truststore.jks",
        "conf/security/truststore.pem",
      ],
      [`${STORE}=/a/b.p12 ${STORE}Type=PKCS12`, "/a/b.p12", "/a/b.pem"],
      [`${STORE}=/a/cacerts`, "/a/cacerts", "/a/cacerts.pem"],
      [`${STORE}="/a b/c.jks"`, "/a b/c.jks", "/a b/c.pem"],
    ];
    for (const [jvm, store, caFile] of table) {
      const { trust, findings } = secure(jvm);
      assert.deepEqual(trust, { caFile });
      const [one] = findings;
      assert.deepEqual([one?.severity, one?.line], ["warning", 3]);
      assert.ok(
        one?.remedy.includes(
          `keytool -exportcert -rfc -keystore "${store}" -alias ALIAS -file "${caFile}"`,
        ),
      );
      assert.doesNotMatch(JSON.stringify(findings), /changeit/);
    }
  });

  it("without a trust store Java trusts its own list: the system's is taken, with a warning", () => {
    const { trust, findings } = secure("-Xmx64m");
    assert.deepEqual(trust, { system: true });
    assert.equal(findings[0]?.severity, "warning");
  });

  it("a Windows path whose backslashes are single is refused where it shows", () => {
    assert.throws(
      () => secure(`${STORE}=conf\\truststore.jks`),
      /line 3: the path of the trust store is none/,
    );
    assert.throws(() => secure(`${STORE}=`), /line 3: the path of the trust store is none/);
    assert.deepEqual(secure(`${STORE}=C:\\\\conf\\\\ca.pem`).trust, { caFile: "C:\\conf\\ca.pem" });
  });
});
