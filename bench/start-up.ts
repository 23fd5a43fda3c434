import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Benchmark } from "./benchmark.ts";
import { startCentral, TAUTLINE } from "./central.ts";
import { startWorker } from "./worker.ts";

const RUNS = 5;

/** From nothing running to the first agent's answered message: on an empty host, and on one that has joined before. */
export const startUp: Benchmark = async (context) => {
  const ready: number[] = [];
  const fresh: number[] = [];
  const again: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const place = join(context.folder, `central-${run}`);
    const data = join(context.folder, `agent-${run}`);
    const began = performance.now();
    await using central = await startCentral(context, place);
    ready.push(performance.now() - began);
    const tokenFile = join(context.folder, `token-${run}`);
    writeFileSync(tokenFile, await central.token(1), { mode: 0o600 });
    await using joining = startWorker(TAUTLINE, [
      "agent",
      "join",
      "--token-file",
      tokenFile,
      "--data",
      data,
      "--json",
    ]);
    // It prints its identity once central has answered it as itself.
    await joining.firstLine;
    fresh.push(performance.now() - began);
    await central.stop();
    again.push(await startAgain(context, { place, data, port: central.agentsPort }));
  }
  return [
    { what: "central, from start to ready, empty folder", unit: "ms", values: ready },
    {
      what: "central and then agent, to the first answer, empty folders",
      unit: "ms",
      values: fresh,
    },
    { what: "the same, both having run before", unit: "ms", values: again },
  ];
};

async function startAgain(
  context: Parameters<Benchmark>[0],
  { place, data, port }: { readonly place: string; readonly data: string; readonly port: number },
): Promise<number> {
  const began = performance.now();
  await using central = await startCentral(context, place, port);
  await using agent = startWorker(TAUTLINE, ["agent", "run", "--data", data, "--json"]);
  await agent.firstLine;
  const took = performance.now() - began;
  await agent.stop();
  await central.stop();
  return took;
}
