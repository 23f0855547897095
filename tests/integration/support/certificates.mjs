// Certificates made as docs/clustering.md says.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/// A folder with an authority (ca.pem, ca-key.pem) and what it issues.
export class Authority {
  constructor(t, name = 'holdfast cluster') {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-ca-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650',
      '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    this.ca = this.file('ca.pem');
  }

  file(name) { return path.join(this.folder, name); }

  openssl(...args) { execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] }); }

  /// {certificate, key}: files NAME.pem and NAME-key.pem, for `names` such as DNS:n1.
  issue(name, names = 'IP:127.0.0.1') {
    writeFileSync(this.file('extensions'), `extendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid\nsubjectAltName=${names}\n`);
    this.openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}-key.pem`, '-out', 'request', '-subj', `/CN=${name}`);
    this.openssl('x509', '-req', '-in', 'request', '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '365', '-out', `${name}.pem`, '-extfile', 'extensions');
    return { certificate: this.file(`${name}.pem`), key: this.file(`${name}-key.pem`) };
  }
}

/// Files of a node, which are replaced while it runs.
export class NodeFiles {
  constructor(t) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-tls-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.tls = { certificate: this.file('node.pem'), key: this.file('node-key.pem'), ca: this.file('ca.pem') };
  }

  file(name) { return path.join(this.folder, name); }

  /// As an operator should: beside it, then into its place.
  replace(name, text) {
    writeFileSync(this.file('new'), text);
    renameSync(this.file('new'), this.file(name));
  }

  show({ certificate, key }) {
    this.replace('node.pem', readFileSync(certificate));
    this.replace('node-key.pem', readFileSync(key));
  }

  trust(...authorities) { this.replace('ca.pem', authorities.map((a) => readFileSync(a.ca, 'utf8')).join('')); }
}
