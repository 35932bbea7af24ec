//! `quell deps` over manifests, images, units and code: who uses a name, with its line, kind and environment; and what is said where
//! something could not be read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Tree, quell, run};

/// A file, the name that is asked for, and who uses it there: line, kind, job and text of the place.
struct Case {
    path: &'static str,
    text: &'static str,
    name: &'static str,
    uses: &'static [(u64, &'static str, &'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        path: "k8s/web.yaml",
        name: "shop-key",
        text: "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }\nspec:\n  template:\n    spec:\n      containers:\n        - name: app\n          envFrom:\n            - secretRef: { name: shop-key }\n          env:\n            - name: KEY\n              valueFrom:\n                secretKeyRef: { name: shop-key, key: token }\n            - name: NOT_IT\n              value: shop-key\n      volumes:\n        - name: keys\n          secret: { secretName: shop-key }\n",
        uses: &[
            (10, "manifest", "app", "shop-key"),
            (14, "manifest", "app", "shop-key"),
            (19, "manifest", "", "shop-key"),
        ],
    },
    Case {
        path: "compose.yaml",
        name: "SHOP_KEY",
        text: "services:\n  web:\n    image: web\n    environment:\n      API: ${SHOP_KEY:?}\n      OTHER: SHOP_KEY\n  job:\n    image: job\n    environment:\n      - SHOP_KEY\n",
        uses: &[(5, "manifest", "web", "${SHOP_KEY:?}"), (10, "manifest", "job", "SHOP_KEY")],
    },
    Case {
        path: "chart/templates/web.yaml",
        name: "shop-key",
        text: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-web\nspec:\n  containers:\n    - name: app\n      env:\n        - name: KEY\n          valueFrom:\n            secretKeyRef:\n              name: shop-key\n              key: {{ .Values.key | default \"token\" }}\n",
        uses: &[(12, "manifest", "app", "shop-key")],
    },
    Case {
        path: "infra/main.tf",
        name: "shop_key",
        text: "variable \"shop_key\" {\n  sensitive = true\n}\nresource \"app\" \"web\" {\n  key = var.shop_key\n}\n",
        uses: &[(1, "manifest", "variable.shop_key", "shop_key"), (5, "manifest", "app.web", "var.shop_key")],
    },
    Case {
        path: "infra/aws.tf",
        name: "prod/shop",
        text: "data \"aws_secretsmanager_secret_version\" \"shop\" {\n  secret_id = \"prod/shop\"\n}\n",
        uses: &[(2, "manifest", "data.aws_secretsmanager_secret_version.shop", "prod/shop")],
    },
    Case {
        path: "units/shop.service",
        name: "shop-key",
        text: "[Service]\nExecStart=/usr/bin/shop\nLoadCredential=shop-key:/etc/shop/key\n",
        uses: &[(3, "manifest", "Service", "/etc/shop/key")],
    },
    Case {
        path: "Dockerfile",
        name: "SHOP_KEY",
        text: "FROM alpine\nARG SHOP_KEY\nRUN curl -H \"k: $SHOP_KEY\" https://shop.acme.example/\n",
        uses: &[(2, "manifest", "0", "SHOP_KEY"), (3, "manifest", "0", "$SHOP_KEY")],
    },
    Case {
        path: "src/pay.py",
        name: "SHOP_KEY",
        text: "import os\n# os.environ['SHOP_KEY']\ndef pay():\n    return os.environ['SHOP_KEY']\n",
        uses: &[(4, "code", "pay", "SHOP_KEY")],
    },
    Case {
        path: "src/pay.ts",
        name: "SHOP_KEY",
        text: "const { SHOP_KEY } = process.env;\nconst other = process.env.SHOP_KEYS;\n",
        uses: &[(1, "code", "", "SHOP_KEY")],
    },
    Case {
        path: "src/Pay.java",
        name: "SHOP_KEY",
        text: "class Pay {\n  String key() {\n    return System.getenv(\"SHOP_KEY\");\n  }\n}\n",
        uses: &[(3, "code", "key", "SHOP_KEY")],
    },
    Case {
        path: "src/pay.rs",
        name: "SHOP_KEY",
        text: "fn pay() -> String {\n    std::env::var(\"SHOP_KEY\").unwrap()\n}\n",
        uses: &[(2, "code", "pay", "SHOP_KEY")],
    },
    Case {
        path: "src/secrets.py",
        name: "prod/shop",
        text: "import boto3\n\ndef load():\n    client = boto3.client('secretsmanager')\n    return client.get_secret_value(SecretId='prod/shop')\n",
        uses: &[(5, "code", "load", "prod/shop")],
    },
    Case {
        path: "bin/deploy",
        name: "SHOP_KEY",
        text: "#!/bin/sh\nset -eu\ncurl -H \"k: $SHOP_KEY\" https://shop.acme.example/\n",
        uses: &[(3, "code", "", "SHOP_KEY")],
    },
];

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn asked(tree: &Tree, name: &str, code: i32) -> Value {
    let run = run(quell().current_dir(tree.path()).args(["deps", name, "--format", "json"])).code(code);
    serde_json::from_str(&run.out()).unwrap()
}

#[test]
fn every_kind_of_file_tells_who_uses_a_name() {
    let mut wrong = Vec::new();
    for case in CASES {
        let tree = Tree::new();
        tree.write(case.path, case.text);
        let report = asked(&tree, case.name, 0);
        assert_eq!(report["complete"], true, "{}: {report:#}", case.path);
        let told: BTreeSet<_> = report["uses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let at = |key: &str| usize::try_from(one[key].as_u64().unwrap()).unwrap();
                let within = if word(one, "job").is_empty() { word(one, "step") } else { word(one, "job") };
                (one["line"].as_u64().unwrap(), word(one, "kind"), within, &case.text[at("start")..at("end")])
            })
            .collect();
        if told != case.uses.iter().copied().collect() {
            wrong.push(format!("{}: {told:?}", case.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
