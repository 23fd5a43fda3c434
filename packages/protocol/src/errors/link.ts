import { defineErrors } from "./entry.ts";

/** Links: dialling, securing, and why one is refused. */
export const linkErrors = defineErrors({
  "link.unreachable": {
    sentence: "No answer from {address}: {reason}.",
    remedy:
      "Check that central runs there and that no firewall stands between: 'tautline doctor --to {address}'.",
    status: 503,
    exit: 3,
  },
  "link.timeout": {
    sentence: "{address} did not finish within {timeoutMs} ms.",
    remedy:
      "Check that central runs there and that no firewall or proxy holds the connection open without passing it on.",
    status: 504,
    exit: 3,
  },
  "link.cancelled": {
    sentence: "The link to {address} was given up because this program is stopping.",
    remedy: "Nothing to do.",
    status: 503,
    exit: 3,
  },
  "link.broken": {
    sentence: "The link to {address} broke before an answer came: {reason}.",
    remedy: "It is dialled again by itself. If it keeps happening, read the log of the other end.",
    status: 503,
    exit: 3,
  },
  "link.not_tls": {
    sentence: "{address} does not speak TLS here.",
    remedy:
      "One of the two ends has the wrong port, or a plaintext client dials a secure one. Compare the address with 'tautline status' at central.",
    status: 400,
    exit: 3,
  },
  "link.tls_version": {
    sentence: "{address} and this end have no TLS version in common; this end speaks TLS 1.3 only.",
    remedy:
      "Update the TLS library of the other end to one with TLS 1.3 (OpenSSL 1.1.1, Java 11, Go 1.12). With a shared key TLS 1.2 will do where it has DHE-PSK-AES256-GCM-SHA384.",
    status: 426,
    exit: 3,
  },
  "link.crypto_mismatch": {
    sentence: "{address} and this end have no key exchange, or no cipher suite, in common.",
    remedy:
      "Let `keyExchange` and `suites` of both ends have one in common: under `agents` in central.yaml, under `central` in agent.yaml. Where neither is set, update the TLS library of the other end.",
    status: 426,
    exit: 3,
  },
  "link.certificate_distrusted": {
    sentence: "{address} does not accept the certificate that this end showed it: {reason}.",
    remedy:
      "Give the other end the authority of this end's certificate: central's root is written by 'tautline certs trust', and where central shows a certificate of your own PKI it is that PKI's root. Then look at both clocks.",
    status: 503,
    exit: 3,
  },
  "link.handshake_failed": {
    sentence: "The TLS handshake with {address} failed: {reason}.",
    remedy: "Read the log of the other end at the same second; it names what it refused.",
    status: 503,
    exit: 3,
  },
  "link.handshake_cut": {
    sentence: "{address} closed the connection before the TLS handshake was finished.",
    remedy:
      "Look for a firewall, a load balancer's health check, or a refusal in the log of the other end.",
    status: 503,
    exit: 3,
  },
  "link.queue_full": {
    sentence:
      "A connection from {address} was cut before its handshake: as many as may are waiting for theirs.",
    remedy:
      "Agents dial again by themselves. If it lasts, see 'admission' in central.yaml and 'tautline_queue_waiting' among the metrics.",
    status: 503,
    exit: 3,
  },
  "link.too_many": {
    sentence: "A connection from {address} was dropped: {limit} are open, which is the limit.",
    remedy:
      "Find who opens so many; if they are your agents, raise the limit in central's settings.",
    status: 503,
    exit: 3,
  },
  "link.pin_mismatch": {
    sentence: "{address} does not show the root key that this token or this agent pins.",
    remedy:
      "Nothing was sent. Either the token is of another central, or someone stands between: compare 'tautline tokens list' at the right central.",
    status: 403,
    exit: 1,
  },
  "link.central_unproven": {
    sentence: "{address} did not prove to be central of '{trustDomain}': {reason}.",
    remedy:
      "Nothing was sent. Check the clock of this host, the address, and that the certificate there was issued to central itself.",
    status: 403,
    exit: 1,
  },
  "link.central_untimely": {
    sentence:
      "{address} is central, but its certificate is good from {notBefore} to {notAfter}, and this host's clock says {now}, {distance} outside: one of the two clocks is wrong.",
    remedy:
      "Nothing was sent. Compare 'date -u' on both hosts and set the wrong one by NTP; a certificate is judged by this host's clock alone, never by what the other end says of the time.",
    status: 403,
    exit: 1,
  },
  "link.server_unproven": {
    sentence: "{address} did not prove to be the host that was dialled: {reason}.",
    remedy:
      "Nothing was sent. Compare the address with the names in its certificate, and its issuer with what this host trusts ('central.trust' in agent.yaml, or ca/ca.crt in the data folder).",
    status: 403,
    exit: 1,
  },
  "link.server_unnamed": {
    sentence:
      "The certificate that {address} shows has no subject alternative name: it names its host only as common name ({subject}), which proves no host any more (RFC 9525).",
    remedy:
      "Nothing was sent. Issue it again with the host as subject alternative name (openssl: subjectAltName = DNS:NAME or IP:ADDRESS); until then the key of a version 3 certificate can be pinned by 'central.trust.pins' alone.",
    status: 403,
    exit: 1,
  },
  "link.server_too_old": {
    sentence:
      "{address} has neither TLS 1.3 with a key exchange of this end's, nor TLS 1.2 with an ephemeral one and an AEAD suite: {reason}.",
    remedy:
      "Update the TLS library of the other end (OpenSSL 1.0.2, Java 8 and later have such suites), or let it use them. At a central of ours, let `keyExchange` of both ends have a group in common.",
    status: 426,
    exit: 3,
  },
  "link.certificate_unwanted": {
    sentence: "{address} did not ask for this end's certificate: the link would be tls, not mtls.",
    remedy:
      "Nothing was sent. Let the other end ask for client certificates (at central: 'agents.files.clientCaFile', or tls/ca.crt in its data folder), or set the level tls here.",
    status: 403,
    exit: 1,
  },
  "link.system_store_empty": {
    sentence: "The certificate store of this host is empty.",
    remedy:
      "Install the authorities of the system (Debian: ca-certificates), or name them by 'central.trust.caFile' in agent.yaml.",
    status: 500,
    exit: 1,
  },
  "link.proxy_unreachable": {
    sentence: "The proxy {proxy} could not be reached for {address}: {reason}.",
    remedy:
      "Check that the proxy runs there, or set 'central.proxy' in agent.yaml (`none` dials directly); without it HTTPS_PROXY decides.",
    status: 503,
    exit: 3,
  },
  "link.proxy_login": {
    sentence: "The proxy {proxy} asks for a login before it connects to {address} ({asked}).",
    remedy:
      "Put 'user:password' into a file of mode 0600 and name it as 'central.proxyCredentialsFile' in agent.yaml; only Basic is spoken.",
    status: 407,
    exit: 1,
  },
  "link.proxy_refused": {
    sentence: "The proxy {proxy} did not connect to {address}: it answered {status} {reason}.",
    remedy:
      "Ask whoever runs the proxy to allow CONNECT to this address and port, or name it in 'central.noProxy' of agent.yaml to dial it directly.",
    status: 502,
    exit: 3,
  },
  "link.proxy_malformed": {
    sentence: "The answer of the proxy {proxy} cannot be used: {reason}.",
    remedy:
      "Check that an HTTP proxy that takes CONNECT, and not another program, answers at this address and port.",
    status: 502,
    exit: 3,
  },
  "link.proxy_setting": {
    sentence: "The proxy setting {setting} cannot be used: {reason}.",
    remedy:
      "Write http://host:port, or `none`. Credentials stand in a file of their own, 'central.proxyCredentialsFile'.",
    status: 400,
    exit: 2,
  },
  "link.unproven_level": {
    sentence: "The link with {address} could not be shown to have level {level}: {reason}.",
    remedy: "It was closed. Report this with the versions of both ends; it should not happen.",
    status: 403,
    exit: 1,
  },
  "link.session_unreadable": {
    sentence: "The TLS session cannot be read: {reason}.",
    remedy: "The link itself is not affected; its key-exchange group is shown as unknown.",
    status: 500,
    exit: 1,
  },
  "link.identity_rejected": {
    sentence: "The certificate and key for this listener are refused: {reason}.",
    remedy:
      "The ones in use before stay in use. Give one private key and its certificate chain, leaf first.",
    status: 400,
    exit: 1,
  },
  "link.crypto_unsupported": {
    sentence:
      "The key exchange {groups} cannot be used here: this Node's OpenSSL {openssl} has none.",
    remedy:
      "Run it with a newer Node (ML-KEM needs OpenSSL 3.5, as Node 24 and newer bring), or take it out of `keyExchange`.",
    status: 400,
    exit: 1,
  },
  "link.refused": {
    sentence: "{address} refused with status {status}: {text} ({code})",
    remedy: "{remedy}",
    status: 403,
    exit: 1,
  },
  "link.answer_malformed": {
    sentence: "The answer of {address} cannot be used: {reason}.",
    remedy: "Check that central, and not another program, answers at this address and path.",
    status: 502,
    exit: 3,
  },
  "link.address_malformed": {
    sentence: "'{text}' is not an address: {reason}.",
    remedy: "Write host:port, for example central.example.org:9150 or [2001:db8::1]:9150.",
    status: 400,
    exit: 2,
  },
  "link.noise_refused": {
    sentence: "A message of the basic level was refused: {reason}.",
    remedy:
      "Give both ends the same key under the same name and namespace; if they have it, someone on the way changes what is sent.",
    status: 403,
    exit: 1,
  },
  "link.noise_exhausted": {
    sentence: "A link of the basic level has sent as many messages as its keys are good for.",
    remedy: "Nothing to do: it is dialled again by itself.",
    status: 503,
    exit: 3,
  },
  "link.truncated": {
    sentence: "The link with {address} was cut: it ended without the other end having said so.",
    remedy:
      "What came before is whole, what was to follow is missing. It is dialled again by itself; if it keeps happening, look for a firewall or proxy that cuts connections.",
    status: 503,
    exit: 3,
  },
  "link.handshake_too_long": {
    sentence: "{address} sent more than {maxBytes} bytes without finishing its handshake.",
    remedy: "It was closed. If it is an agent of yours, update it; else find out who calls there.",
    status: 400,
    exit: 3,
  },
  "link.preface_malformed": {
    sentence: "{address} began a link of the basic level that cannot be read: {reason}.",
    remedy:
      "Update the older of the two ends; if they are equal, something on the way changes bytes.",
    status: 400,
    exit: 3,
  },
  "link.key_unproven": {
    sentence: "The key named '{identity}' was not proven on the link with {address}.",
    remedy:
      "Give both ends the same key under the same name and namespace: 'tautline keys list' at central, the key file on the agent's host. A program that is not ours is given what 'tautline keys show NAME --psk-hex' prints, and never the text.",
    status: 401,
    exit: 1,
  },
  "link.level_refused": {
    sentence: "{address} does not accept this level: {text} ({code})",
    remedy: "{remedy}",
    status: 426,
    exit: 1,
  },
  "link.key_missing": {
    sentence: "{address} and this end have no shared key, or no key exchange, to begin with.",
    remedy:
      "The other end offers no key, or one that this end cannot use, or no group of `keyExchange` that this end has. Set level and key at both ends: 'tautline keys list' at central, the key file on the agent's host.",
    status: 401,
    exit: 1,
  },
  "link.opening_unknown": {
    sentence: "{address} speaks none of the languages of this port.",
    remedy:
      "Find what calls there: agents speak TLS, HTTP or the basic level. The port is for nothing else.",
    status: 400,
    exit: 3,
  },
  "link.level_closed": {
    sentence: "{address} called at the level {level}: {text} ({code})",
    remedy: "{remedy}",
    status: 426,
    exit: 1,
  },
  "link.http_version": {
    sentence: "This port speaks HTTP/1.1, and the call came in HTTP/2.",
    remedy: "Let the caller speak HTTP/1.1 (curl: --http1.1).",
    status: 505,
    exit: 1,
  },
});
