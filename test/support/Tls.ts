/** An authority and a certificate for localhost, made by openssl, and a proxy that knows CONNECT. Loopback only. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

const openssl = (directory: string, ...args: ReadonlyArray<string>) =>
  execFileSync("openssl", args, { cwd: directory, stdio: "pipe" })

/** What `openssl ca` wants, to set both ends of a certificate's time. */
const CA_CONFIG = `[ca]
default_ca = us
[us]
database = issued
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
`

/**
 * `authority` is the path for NODE_EXTRA_CA_CERTS; all certificates have one key and are PEM texts for servers on localhost.
 * `cert` is good; the others are each what their name says.
 */
export const makeCertificates = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = mkdtempSync(join(tmpdir(), "mlxk2_test_tls_"))
    const read = (name: string) => readFileSync(join(directory, name), "utf8")
    const ca = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test authority"]
    openssl(directory, "req", ...ca, "-keyout", "ca.key", "-out", "ca.pem")
    const subject = ["-subj", "/CN=localhost"]
    openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", ...subject, "-keyout", "key.pem", "-out", "request.pem")
    const signed = (names: string, out: string) => {
      writeFileSync(join(directory, "names"), `subjectAltName=${names}\n`)
      const sign = ["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
      openssl(directory, ...sign, "-days", "2", "-extfile", "names", "-out", out)
      return read(out)
    }
    const cert = signed("DNS:localhost,IP:127.0.0.1", "cert.pem")
    const otherHost = signed("DNS:elsewhere.example", "other.pem")
    openssl(directory, "req", "-x509", "-key", "key.pem", "-days", "2", ...subject, "-out", "self.pem")
    writeFileSync(join(directory, "ca.conf"), CA_CONFIG)
    writeFileSync(join(directory, "issued"), "")
    writeFileSync(join(directory, "serial"), "01\n")
    const times = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
    const own = ["-cert", "ca.pem", "-keyfile", "ca.key", "-in", "request.pem", "-out", "expired.pem"]
    openssl(directory, "ca", "-config", "ca.conf", "-batch", "-notext", ...times, ...own)
    return {
      directory,
      authority: join(directory, "ca.pem"),
      key: read("key.pem"),
      cert,
      otherHost,
      selfSigned: read("self.pem"),
      expired: read("expired.pem")
    }
  }),
  ({ directory }) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** A proxy on loopback; `tunnels` names the hosts that were asked for, in order. */
export const makeProxy = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly tunnels: Array<string>; readonly close: () => void }>((resume) => {
    const tunnels: Array<string> = []
    const sockets = new Set<{ destroy: () => void }>()
    const server = createServer((_, response) => response.writeHead(405).end())
    server.on("connect", (request, client, head) => {
      const [host = "", port = ""] = (request.url ?? "").split(":")
      tunnels.push(request.url ?? "")
      const upstream = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n")
        upstream.write(head)
        upstream.pipe(client).pipe(upstream)
      })
      for (const socket of [upstream, client]) {
        sockets.add(socket)
        socket.on("error", () => socket.destroy())
      }
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = () => {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, tunnels, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)
