//! Manifests and charts: references, doors, near misses, hostile files.

use super::{READER, is_own};
use crate::model::GapKind;
use crate::model::usage::{Door, Store, Use, Uses};
use crate::uses::File;
use crate::uses::testing::{leaks, part, word};

fn read(path: &str, text: &str) -> Uses {
    (READER.read)(File { path, text: text.as_bytes() })
}

fn told(uses: &Uses, text: &str) -> Vec<String> {
    let line = |one: &Use| {
        let (variable, context) = (word(one.variable.as_ref()), &one.context);
        let (pipeline, job) = (word(context.pipeline.as_ref()), word(context.job.as_ref()));
        let name = word(Some(&one.name));
        format!("{} {name}|{}|{variable}|{pipeline}|{job}", one.store.as_str(), part(text, one.span))
    };
    uses.uses.iter().map(line).collect()
}

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: production
spec:
  template:
    metadata:
      annotations:
        vault.hashicorp.com/agent-inject-secret-db: "secret/data/shop"
    spec:
      imagePullSecrets:
        - name: registry
      initContainers:
        - name: init
          image: busybox:1
          command: [sh, -c, "echo $DB_PASSWORD; echo $$MODE"]
          env: &env
            - name: DB_PASSWORD
              valueFrom:
                secretKeyRef: { name: db, key: password, optional: true }
            - name: MODE
              valueFrom:
                configMapKeyRef:
                  key: mode
                  name: settings
      containers:
        - name: web
          image: shop:1
          env: *env
          envFrom:
            - secretRef:
                name: whole
            - configMapRef: {name: plain}
          command: ["/bin/sh"]
          args:
            - -ec
            - |
              curl -H "$(DB_PASSWORD)" x
              echo "it is $(DB_PASSWORD)"
              echo $(DB_HOST) $(date)
          volumeMounts:
            - { name: tls, mountPath: /tls }
            - { name: mixed, mountPath: /mixed/ }
            - { name: csi, mountPath: /csi }
        - name: near
          env:
            - name: PLAIN
              value: planted-literal
            - name: API_TOKEN
              value: PLACEHOLDER
          command: [sh, -c, 'exec app --token "$API_TOKEN"']
        - name: bare
          env:
            - {name: API_TOKEN, valueFrom: {secretKeyRef: {name: api, key: token}}}
          command: [echo, "$(API_TOKEN)", "$$(API_TOKEN)"]
      volumes:
        - name: tls
          secret:
            secretName: shop-tls
            items:
              - {key: tls.key, path: key.pem}
        - name: mixed
          projected:
            sources:
              - secret: { name: part }
              - configMap: { name: other }
        - name: csi
          csi:
            driver: secrets-store.csi.k8s.io
            volumeAttributes: { secretProviderClass: shop-vault }
        - name: unused
          secret: {secretName: left}
"#;

#[test]
fn workloads() {
    let uses = read("k8s/shop.yaml", DEPLOYMENT);
    let of = |rest: &str, job: &str| format!("{rest}|Deployment/shop|{job}");
    let expected = [
        of("manager secret/data/shop|secret/data/shop|db", ""),
        of("secret registry|registry|", ""),
        of("secret db/password|db|DB_PASSWORD", "init"),
        of("secret db/password|db|DB_PASSWORD", "web"),
        of("variable settings/mode|settings|MODE", "init"),
        of("variable settings/mode|settings|MODE", "web"),
        of("secret whole|whole|", "web"),
        of("variable plain|plain|", "web"),
        of("secret api/token|api|API_TOKEN", "bare"),
        of("secret shop-tls/tls.key|shop-tls|/tls/key.pem", "web"),
        of("secret part|part|/mixed/", "web"),
        of("manager shop-vault|shop-vault|/csi", "web"),
        of("secret left|left|", ""),
    ];
    assert_eq!(told(&uses, DEPLOYMENT), expected);
    let doors: Vec<_> =
        uses.exposures.iter().map(|one| (one.door, &DEPLOYMENT[one.span.start..one.span.end])).collect();
    let printed = ["echo $DB_PASSWORD", "echo \"it is $(DB_PASSWORD)\"", "$(API_TOKEN)"];
    assert_eq!(doors, printed.map(|text| (Door::Printed, text)));
    let at = uses.at(DEPLOYMENT.find("planted-literal").unwrap()).unwrap();
    assert_eq!(at.job, Some("near".into()));
    assert_eq!(at.pipeline, Some("Deployment/shop".into()));
    assert_eq!(at.environment, Some("production".into()));
    assert!(uses.unread.is_empty());
}

const OTHERS: &str = r#"apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ServiceAccount
    metadata: {name: sa}
    secrets: [{name: sa-token}]
  - apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: in}
    spec: {tls: [{hosts: [a], secretName: in-tls}]}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: ext}
spec:
  target: {name: target}
  data:
    - secretKey: password
      remoteRef: {key: prod/db, property: pw}
  dataFrom:
    - extract: {key: prod/all}
---
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: class}
spec:
  provider: vault
  parameters:
    objects: |
      - objectName: "db-password"
        secretPath: "secret/data/db"
        secretKey: 'password'
      - objectName: plain # said so
  secretObjects:
    - secretName: synced
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: sealed}
spec:
  encryptedData: {token: PLACEHOLDER}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: issuer}
spec:
  acme: {solvers: [{dns01: {cloudflare: {apiTokenSecretRef: {name: cf, key: api}}}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: near}
data: {secretName: not-a-reference}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: near}
spec: {secretName: {type: string}, existingSecret: near}
---
apiVersion: tekton.dev/v1
kind: Task
spec: {volumes: [{secret: {secretName: near}}]}
---
no: object
secretName: near
"#;

#[test]
fn other_objects() {
    let uses = read("all.yml", OTHERS);
    let expected = [
        "secret sa-token|sa-token||ServiceAccount/sa|",
        "secret in-tls|in-tls||Ingress/in|",
        "secret target|target||ExternalSecret/ext|",
        "secret target/password|password||ExternalSecret/ext|",
        "manager prod/db/pw|prod/db|target/password|ExternalSecret/ext|",
        "manager prod/all|prod/all|target|ExternalSecret/ext|",
        "manager secret/data/db/password|secret/data/db|db-password|SecretProviderClass/class|",
        "manager plain|plain||SecretProviderClass/class|",
        "secret synced|synced||SecretProviderClass/class|",
        "secret sealed/token|token||SealedSecret/sealed|",
        "secret cf/api|cf||ClusterIssuer/issuer|",
    ];
    assert_eq!(told(&uses, OTHERS), expected);
    assert!(uses.exposures.is_empty() && uses.unread.is_empty());
}

#[test]
fn kustomizations() {
    let text = "secretGenerator:\n- name: app\n  files:\n  - key.pem=keys/app.pem\n  - plain.txt\n  envs: [secret.env]\n  literals:\n  - token=planted\n";
    let uses = read("base/kustomization.yaml", text);
    let expected = [
        "file keys/app.pem|keys/app.pem|app/key.pem|Kustomization|app",
        "file plain.txt|plain.txt|app/plain.txt|Kustomization|app",
        "file secret.env|secret.env|app|Kustomization|app",
    ];
    assert_eq!(told(&uses, text), expected);
    assert_eq!(uses.at(text.find("planted").unwrap()).unwrap().job, Some("app".into()));
}

#[test]
fn templates_are_told_as_they_are_written() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"{{ name }}\"}\nspec:\n  {% if x %}\n  containers:\n  - name: c\n    envFrom:\n    - secretRef: {name: \"{{ env }}-db\"}\n  {% endif %}\n";
    let uses = read("pod.yaml", text);
    assert_eq!(told(&uses, text), ["secret {{ env }}-db|{{ env }}-db||Pod/{{ name }}|c"]);
    assert_eq!(uses.unread.len(), 1);
    assert_eq!(uses.unread[0].kind, None);
}

#[test]
fn scripts_over_several_lines_and_names_that_are_too_long() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: c\n    env: [{name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n    command: [sh, -c]\n    args:\n    - >\n      echo\n      \"$(P)\"\n";
    assert_eq!(leaks(&read("a.yaml", text), text), [(Door::Printed, "s/k", "echo\n      \"$(P)\"")]);
    let long = text.replace("name: s,", &format!("name: {},", "s".repeat(2_000)));
    let unread = read("a.yaml", &long).unread;
    assert_eq!(unread.iter().map(|one| one.kind).collect::<Vec<_>>(), [Some(GapKind::OverBudget)]);
}

#[test]
fn of_anybody() {
    assert!(is_own("a/b.yaml") && is_own("b.yml") && !is_own("chart/templates/b.yaml") && !is_own("b.json"));
    for text in [DEPLOYMENT, OTHERS] {
        for end in 0..text.len() {
            read("kustomization.yaml", &text[..end]);
        }
    }
    let mut bytes = DEPLOYMENT.as_bytes().to_vec();
    bytes[900] = 0xff;
    let uses = (READER.read)(File { path: "a.yaml", text: &bytes });
    assert!(!uses.unread.is_empty() && uses.uses.iter().any(|one| one.store == Store::Secret));
    assert_eq!(read("a.yaml", "on: push\njobs: {a: {env: {kind: 1, apiVersion: 2}}}\n"), Uses::default());
    let cycle =
        "apiVersion: v1\nkind: Pod\nspec: &a\n  containers: [{name: c, env: &b [*b, *a]}]\n  next: *a\n  volumes: *b\n";
    read("a.yaml", cycle);
}

#[test]
fn objects_of_a_provider_may_stand_in_one_line() {
    let text = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\nmetadata: {name: a}\nspec: {parameters: {objects: \"- objectName: db-key\\n  objectType: x\\n\"}}\n";
    let uses = read("a.yaml", text);
    assert_eq!(uses.uses.iter().map(|one| word(Some(&one.name))).collect::<Vec<_>>(), ["db-key"]);
    let text = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: {data: [{secretKey: A_TOKEN, remoteRef: {key: far}}]}\n";
    let uses = read("a.yaml", text);
    assert!(uses.uses.iter().any(|one| word(Some(&one.name)) == "a/A_TOKEN" && one.store == Store::Secret));
}
