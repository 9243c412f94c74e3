/** HTTP/2 as a client, by the runtime's own library over any stream; loaded only where a server speaks nothing else. */
import type { ClientHttp2Session, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import type { StreamSocket } from "../net/sockets.ts";
import { toNodeStream } from "./node_stream.ts";

interface Request {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
}

/** Interim answers (1xx) that one answer may have before it. */
const MAX_INTERIM_ANSWERS = 16;
/** Of the fields of one answer, unpacked (SETTINGS_MAX_HEADER_LIST_SIZE). */
const MAX_HEADER_LIST_OCTETS = 65_536;

/** Satisfies the port `Http2` of src/health. */
export const nodeHttp2 = { get };

async function get(stream: StreamSocket, request: Request, signal: AbortSignal): Promise<Answer> {
  const { connect } = await import("node:http2");
  const transport = await toNodeStream(stream);
  signal.throwIfAborted();
  const session = connect(`${request.scheme}://${request.authority}`, {
    createConnection: () => transport,
    settings: { enablePush: false, maxHeaderListSize: MAX_HEADER_LIST_OCTETS },
    maxHeaderListPairs: 256,
    maxSessionMemory: 1,
  });
  try {
    return await answerOf(session, request, signal);
  } finally {
    session.destroy();
    transport.destroy();
  }
}

function answerOf(session: ClientHttp2Session, request: Request, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  session.on("error", reject);
  session.once("close", () => reject(new Error("connection closed without an answer")));
  session.once("goaway", (code) => reject(new Error(`the server refuses: GOAWAY, error code ${code}`)));
  const asked = session.request({ ":path": request.path, ...request.fields }, { endStream: true });
  let interim = 0;
  asked.on("headers", () => {
    if (++interim > MAX_INTERIM_ANSWERS) {
      reject(new Error(`more than ${MAX_INTERIM_ANSWERS} interim answers (1xx)`));
    }
  });
  asked.on("response", (fields: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
    resolve({ status: fields[":status"] ?? 0, location: fields.location });
  });
  asked.on("error", reject);
  asked.once("close", () => reject(new Error("connection closed without an answer")));
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}
