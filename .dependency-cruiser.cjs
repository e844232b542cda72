/** The arrows of docs/architecture.md: which folder may import which. */
const to = (...folders) => `^src/(${folders.join("|")})`
const arrow = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path: `^src/${from}/` },
  to: { path: "^src/", pathNot: to(`${from}/`, ...allowed) }
})

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    arrow("domain-knows-nobody", "domain", [], "the shared words depend on nothing"),
    arrow("services-are-contracts", "services", ["domain/"], "a tag names domain types only"),
    arrow(
      "operations-use-tags",
      "operations",
      ["domain/", "services/"],
      "an operation needs tags, never an implementation"
    ),
    arrow("inference-is-pure", "inference", ["domain/"], "architectures know no engine and no disk"),
    arrow("chat-is-pure", "chat", ["domain/"], "text in, text out"),
    arrow(
      "checkpoint-is-light",
      "checkpoint",
      ["domain/", "inference/registry\\.ts"],
      "listing models loads no decoder"
    ),
    arrow("engines-interpret", "engines", ["domain/", "inference/"], "an engine knows the ops and nothing above"),
    arrow(
      "cache-reads-checkpoints",
      "cache",
      ["domain/", "services/", "checkpoint/"],
      "the cache describes what it finds"
    ),
    arrow(
      "workspace-is-a-directory",
      "workspace",
      ["domain/", "services/", "checkpoint/", "cache/(Files|Holder|Layout)\\.ts"],
      "the user's own directories are read with the cache's care"
    ),
    arrow(
      "hub-is-remote",
      "hub",
      ["domain/", "services/", "cache/(Layout|Holder)\\.ts"],
      "the Hub knows of the disk only where things lie and who holds them"
    ),
    arrow(
      "runner-runs",
      "runner",
      ["domain/", "services/", "checkpoint/", "chat/", "inference/", "engines/"],
      "the engine process joins chat and inference"
    ),
    arrow(
      "cli-is-an-edge",
      "cli",
      ["domain/", "services/", "operations/", "server/Server\\.ts", "Logging\\.ts"],
      "no edge knows an implementation"
    ),
    arrow("server-is-an-edge", "server", ["domain/", "services/", "operations/"], "no edge knows an implementation"),
    {
      name: "node-only-at-the-seams",
      comment: "node:* belongs to the implementations and the process entries",
      severity: "error",
      from: { path: "^src/(domain|services|operations|checkpoint|inference|chat)/" },
      to: { dependencyTypes: ["core"] }
    },
    {
      name: "edges-keep-away-from-disk",
      comment: "an edge may know its terminal or socket, not files",
      severity: "error",
      from: { path: "^src/(cli|server)/" },
      to: { dependencyTypes: ["core"], path: "^(node:)?(fs|child_process|worker_threads)" }
    },
    {
      name: "no-dev-dependencies-unbundled",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] }
    }
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".js"] }
  }
}
