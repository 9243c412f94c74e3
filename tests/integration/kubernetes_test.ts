// The Kubernetes manifest, judged by the API's own schema as npm has it: values by the schema's validators, names of keys by
// its types, and the configuration in it by ours.
import assert from "node:assert/strict";
import { ConfigMap, type IConfigMap } from "kubernetes-models/v1/ConfigMap";
import { DaemonSet, type IDaemonSet } from "kubernetes-models/apps/v1/DaemonSet";
import { type IServiceAccount, ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import { parseAllDocuments } from "yaml";
import denoJson from "../../deno.json" with { type: "json" };
import { repositoryRoot, run } from "../support/process.ts";

const PATH = "packaging/kubernetes/daemonset.yaml";
const MODELS = { ServiceAccount, ConfigMap, DaemonSet };
type Kind = keyof typeof MODELS;

/** The documents by kind, as their types call them; whether they are so is for the tests to find out. */
interface Documents {
  readonly ServiceAccount: IServiceAccount;
  readonly ConfigMap: IConfigMap;
  readonly DaemonSet: IDaemonSet;
}

async function documents(): Promise<Documents> {
  const text = await Deno.readTextFile(PATH);
  const all = parseAllDocuments(text, { merge: true, uniqueKeys: true });
  const values = [];
  for (const document of all) {
    assert.ok("errors" in document && document.errors.length === 0, `${PATH}: not YAML`);
    values.push(document.toJS());
  }
  const kinds = values.map(({ kind }) => kind);
  assert.deepEqual(kinds, Object.keys(MODELS));
  return { ServiceAccount: values[0], ConfigMap: values[1], DaemonSet: values[2] };
}

/** What the types of the API say of `value`: a key that it has not is an error in a literal. */
async function typeProblems(kind: Kind, value: unknown): Promise<string> {
  const path = await Deno.makeTempFile({ dir: `${repositoryRoot()}/coverage`, suffix: ".ts" });
  const folder = kind === "DaemonSet" ? "apps/v1" : "v1";
  try {
    await Deno.writeTextFile(
      path,
      `import type { I${kind} } from "kubernetes-models/${folder}/${kind}";\n` +
        `export const value: I${kind} = ${JSON.stringify(value, null, 2)};\n`,
    );
    const { code, stderr } = await run(Deno.execPath(), ["check", "--quiet", path]);
    return code === 0 ? "" : stderr;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("each document of the manifest is what the schema of its kind allows, and has no other keys", async () => {
  const found = await documents();
  new ServiceAccount(found.ServiceAccount).validate();
  new ConfigMap(found.ConfigMap).validate();
  new DaemonSet(found.DaemonSet).validate();
  for (const kind of ["ServiceAccount", "ConfigMap", "DaemonSet"] as const) {
    assert.equal(await typeProblems(kind, found[kind]), "", kind);
  }
});

Deno.test("a value of another type and a misspelt key are seen, so that the test before says something", async () => {
  const { DaemonSet: daemonSet } = await documents();
  const text = JSON.stringify(daemonSet);
  const soon = JSON.parse(text.replace('"minReadySeconds":30', '"minReadySeconds":"soon"'));
  assert.throws(() => new DaemonSet(soon).validate(), /minReadySeconds/);
  const misspelt = JSON.parse(text.replace('"livenessProbe"', '"livenesProbe"'));
  assert.match(await typeProblems("DaemonSet", misspelt), /livenesProbe/);
});

Deno.test("the configuration in the manifest is valid, once the node's address stands in it", async () => {
  const { ConfigMap: { data = {} } } = await documents();
  const text = data["config.yaml"] ?? "";
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(path, text.replace("NODE_IP", "10.88.0.200"));
  const { code, stderr } = await run(Deno.execPath(), ["run", "-A", "main.ts", "check", path]);
  await Deno.remove(path);
  assert.match(`${code} ${stderr}`, /^0 \S+: valid: 1 service, 1 peer\n$/);
});

Deno.test("the pod has the capabilities of the service and no more, and is asked for its life and not for its services'", async () => {
  const spec = (await documents()).DaemonSet.spec?.template.spec ?? assert.fail("no pod");
  const [container] = spec.containers;
  const all = [...spec.initContainers ?? [], ...spec.containers];
  const unit = await Deno.readTextFile("packaging/bgp-lb.service");
  const bounding = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(" ").toSorted();
  const { add = [], drop } = container?.securityContext?.capabilities ?? {};
  assert.deepEqual(add.map((name) => `CAP_${name}`).toSorted(), bounding);
  assert.deepEqual(drop, ["ALL"]);
  assert.equal(container?.livenessProbe?.httpGet?.path, "/healthz");
  const volumes = new Set(spec.volumes?.map(({ name }) => name));
  for (const { image, volumeMounts = [] } of all) {
    assert.equal(image, `bgp-lb:${denoJson.version}`);
    for (const { name } of volumeMounts) assert.ok(volumes.has(name), name);
  }
});

Deno.test("the Containerfile takes the package of this version, pins its base, and ends by SIGTERM", async () => {
  const text = await Deno.readTextFile("packaging/container/Containerfile");
  const lines = text.replaceAll(/\\\n\s*/g, "").split("\n").filter((line) => !/^(#|$)/.test(line));
  const one = (name: string) => {
    const found = lines.filter((line) => line.startsWith(`${name} `)).map((line) =>
      line.slice(name.length + 1)
    );
    assert.equal(found.length, 1, name);
    return found[0] ?? "";
  };
  assert.match(one("FROM"), /:12-slim$/);
  assert.match(one("COPY"), /^dist\/bgp-lb_\$\{VERSION\}_\$\{TARGETARCH\}\.deb /);
  assert.equal(one("STOPSIGNAL"), "SIGTERM");
  assert.deepEqual(JSON.parse(one("ENTRYPOINT")), ["/usr/bin/bgp-lb"]);
  assert.deepEqual(JSON.parse(one("CMD")), ["run"]);
  const known = ["FROM", "ARG", "COPY", "RUN", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"];
  for (const line of lines) assert.ok(known.includes(line.split(" ")[0] ?? ""), line);
});
