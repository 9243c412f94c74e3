/** Memory that another Deno process has in use, asked by its inspector: what the collector has not got round to is not counted. */
import { z } from "zod";
import { until } from "./until.ts";

const targets = z.array(z.object({ webSocketDebuggerUrl: z.string() })).min(1);
const answer = z.object({ id: z.number(), result: z.unknown() });
const usage = z.object({ usedSize: z.number(), backingStorageSize: z.number().default(0) });

/** Octets of the objects and buffers that are in use in the process whose inspector (`--inspect`) is at that port of 127.0.0.1. */
export async function heapOf(port: number): Promise<number> {
  const [target] = targets.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json());
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? "");
  const answers = new Map<number, unknown>();
  socket.onmessage = ({ data }) => {
    const read = answer.safeParse(JSON.parse(data)).data;
    if (read !== undefined) answers.set(read.id, read.result);
  };
  await until(() => socket.readyState === WebSocket.OPEN, () => "the inspector answers");
  let id = 0;
  const ask = async (method: string) => {
    const own = ++id;
    socket.send(JSON.stringify({ id: own, method }));
    await until(() => answers.has(own), () => `an answer to ${method}`);
    return answers.get(own);
  };
  // What finalizers let go of the first time goes the second time.
  await ask("HeapProfiler.collectGarbage");
  await ask("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = usage.parse(await ask("Runtime.getHeapUsage"));
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  return usedSize + backingStorageSize;
}
