//! Charts of Helm: their templates, as far as they are manifests when nothing is filled in, and the values for them.
//!
//! Format: <https://helm.sh/docs/chart_template_guide/> and <https://helm.sh/docs/chart_template_guide/values_files/>.

use memchr::memmem;

use super::kubernetes::{manifests, may_be, values};
use super::notes::looks_secret;
use super::objects::{is_of_chart, is_yaml, pipelines};
use super::templates::Filled;
use super::{File, Reader};
use crate::model::usage::{Context, Span, Store, System, Unread, Use, Uses};
use crate::model::{Confidence, Untrusted};

/// The reader of charts.
pub const READER: Reader = Reader { system: System::Helm, is_own, read };

/// What a value of the chart begins with, in a template.
const VALUES: &str = ".Values.";
/// First words of templates that ask for a value, and do not put it out.
const ASKS: &[&str] = &["if", "else"];

fn is_own(path: &str) -> bool {
    (is_of_chart(path) && (is_yaml(path) || path.ends_with(".tpl"))) || is_values(path)
}

/// The name of a file, without what says that it is YAML.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.trim_end_matches(".yml").trim_end_matches(".yaml")
}

fn is_values(path: &str) -> bool {
    let stem = stem(path);
    let begins = stem.strip_prefix("values").is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']));
    is_yaml(path) && !is_of_chart(path) && (begins || stem.ends_with("-values") || stem.ends_with(".values"))
}

fn read(file: File<'_>) -> Uses {
    if is_values(file.path) {
        return values(file, &chart(file.path));
    }
    let has_values = memmem::find(file.text, VALUES.as_bytes()).is_some();
    if !may_be(file) && !has_values {
        return Uses::default();
    }
    let filled = Filled::new(file.text);
    let system = if filled.parts.is_empty() { System::Kubernetes } else { System::Helm };
    let (mut uses, seen) = manifests(file, &filled, system);
    pipelines(file, Some(&filled), &mut uses);
    let mut handed = seen.handed;
    handed.sort();
    let found = filled.parts.iter().flat_map(|part| references(&filled, *part, &uses, &handed)).collect::<Vec<_>>();
    let is_manifest = !uses.scopes.is_empty();
    uses.uses.extend(found);
    if !filled.parts.is_empty() && (is_manifest || !uses.uses.is_empty()) {
        let why = "templates were not filled in: names that they make are told as they are written".to_owned();
        uses.unread.push(Unread { at: 0, kind: None, why });
    }
    uses.sort();
    uses
}

/// The chart that values are for: the folder that they stand in. What the name of the file adds is the environment.
fn chart(path: &str) -> Context {
    let folder = path.rsplit('/').nth(1).map(Untrusted::from);
    let rest = stem(path).strip_prefix("values").unwrap_or_default().trim_start_matches(['.', '-', '_']);
    let environment = Some(rest).filter(|rest| !rest.is_empty()).map(Untrusted::from);
    Context { pipeline: folder, environment, ..Context::default() }
}

/// The values that a template puts out and whose names say that they are secret.
fn references(filled: &Filled<'_>, part: Span, uses: &Uses, handed: &[(Span, String)]) -> Vec<Use> {
    let text = filled.original(part);
    let word = text.trim_start_matches(['{', '-', ' ', '\n']).split_whitespace().next().unwrap_or_default();
    let mut all = Vec::new();
    if ASKS.contains(&word) || word.starts_with("/*") || text.contains(char::REPLACEMENT_CHARACTER) {
        return all;
    }
    for (at, _) in text.match_indices(VALUES) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let name = rest.get(..length).unwrap_or_default().trim_end_matches('.');
        let last = name.rsplit('.').next().unwrap_or_default();
        let start = part.start + at;
        // The name of a secret is told where it is used.
        let is_told = last.to_ascii_lowercase().contains("existing") || told(uses, start);
        if !looks_secret(last) || is_told {
            continue;
        }
        let variable = handed.partition_point(|(span, _)| span.start <= start);
        let variable = variable.checked_sub(1).and_then(|at| handed.get(at)).filter(|(span, _)| start < span.end);
        all.push(Use {
            name: Untrusted::from(name),
            store: Store::Variable,
            variable: variable.map(|(_, name)| Untrusted::from(name.as_str())),
            system: System::Helm,
            span: Span { start, end: start + 1 + name.len() },
            context: uses.at(start).cloned().unwrap_or_default(),
            confidence: Confidence::Medium,
        });
    }
    all
}

/// Whether a byte is in a reference that was told; references are in the order of the file.
fn told(uses: &Uses, byte: usize) -> bool {
    let at = uses.uses.partition_point(|one| one.span.start <= byte);
    at.checked_sub(1).and_then(|at| uses.uses.get(at)).is_some_and(|one| one.span.has(byte))
}

#[cfg(test)]
mod tests {
    use super::{READER, is_own};
    use crate::model::usage::{System, Uses};
    use crate::uses::File;
    use crate::uses::testing::told;

    fn read(path: &str, text: &str) -> Uses {
        (READER.read)(File { path, text: text.as_bytes() })
    }

    const TEMPLATE: &str = r#"{{- if .Values.auth.password }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.fullname" . }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "shop.labels" . | nindent 4 }}
spec:
  template:
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image }}:{{ .Values.tag }}"
          env:
            {{- range $key, $value := .Values.env }}
            - name: {{ $key }}
              value: {{ $value | quote }}
            {{- end }}
            - name: DB_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: {{ .Values.db.existingSecret | default (printf "%s-db" .Release.Name) }}
                  key: password
            - name: API_TOKEN
              value: {{ .Values.api.token | quote }}
            - name: NEAR
              value: planted
          command: ["sh", "-c", "echo $DB_PASSWORD"]
          {{- with .Values.resources }}
          resources: {{- toYaml . | nindent 12 }}
          {{- end }}
      volumes:
        - name: a
          secret:
            secretName: {{ include "shop.fullname" . }}-tls
{{- end }}
---
apiVersion: v1
kind: Secret
metadata: {name: made}
stringData:
  token: {{ .Values.api.token | b64enc }}
"#;

    #[test]
    fn templates_of_a_chart() {
        let uses = read("charts/shop/templates/app.yaml", TEMPLATE);
        let chart = "{{ .Chart.Name }}";
        let name = "{{ .Values.db.existingSecret | default (printf \"%s-db\" .Release.Name) }}";
        let expected = [
            format!("secret {name}/password|{name}|DB_PASSWORD|{chart}"),
            format!("variable Values.api.token|.Values.api.token|API_TOKEN|{chart}"),
            "secret {{ include \"shop.fullname\" . }}-tls|{{ include \"shop.fullname\" . }}-tls||".to_owned(),
            "variable Values.api.token|.Values.api.token|token|".to_owned(),
        ];
        assert_eq!(told(&uses, TEMPLATE), expected);
        assert!(uses.uses.iter().all(|one| one.system == System::Helm));
        assert_eq!(uses.exposures.len(), 1);
        let at = uses.at(TEMPLATE.find("planted").unwrap()).unwrap();
        assert_eq!(at.pipeline, Some("Deployment/{{ include \"shop.fullname\" . }}".into()));
        assert_eq!(at.job, Some(chart.into()));
        assert_eq!(uses.unread.iter().map(|one| one.kind).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn values_of_a_chart() {
        let text = "db:\n  auth:\n    existingSecret: shop-db\n    secretName: \"\"\n    password: planted\n  tls: {existingSecret: null}\nimagePullSecrets: [pull]\nextra:\n  - name: TOKEN\n    valueFrom: {secretKeyRef: {name: a, key: b}}\n";
        let uses = read("charts/shop/values-production.yaml", text);
        assert_eq!(
            told(&uses, text),
            ["secret shop-db|shop-db||db", "secret pull|pull||imagePullSecrets", "secret a/b|a||extra"]
        );
        let at = uses.at(text.find("planted").unwrap()).unwrap();
        assert_eq!((&at.pipeline, &at.job), (&Some("shop".into()), &Some("db".into())));
        assert_eq!(at.environment, Some("production".into()));
    }

    #[test]
    fn of_anybody() {
        for own in ["a/templates/b.yaml", "a/templates/_h.tpl", "a/values.yaml", "values-x.yml", "prod-values.yaml"] {
            assert!(is_own(own), "{own}");
        }
        assert!(!is_own("a/b.yaml") && !is_own("a/valuestore.yaml") && !is_own("b.tpl"));
        for end in 0..TEMPLATE.len() {
            read("a/templates/b.yaml", &TEMPLATE[..end]);
        }
        let near = "steps:\n- script: echo ${{ parameters.token }}\n";
        assert_eq!(read("a/templates/steps.yml", near), Uses::default());
        (READER.read)(File {
            path: "a/templates/b.yaml",
            text: b"apiVersion: v1\nkind: Pod\nname: {{ \xff .Values.token }}",
        });
        // A document that is no YAML without its templates hides no other one.
        let text = "apiVersion: v1\nkind: A\n{{ if a }}\n  b: [\n{{ end }}\nc: d\n---\napiVersion: v1\nkind: B\nspec: {secretName: told}\n";
        let uses = read("a/templates/b.yaml", text);
        assert_eq!(told(&uses, text), ["secret told|told||"]);
        assert_eq!(uses.unread.len(), 2);
    }

    #[test]
    fn pipelines_in_a_chart() {
        let text = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  steps:\n  - name: a\n    image: x\n    env:\n    - name: T\n      valueFrom:\n        secretKeyRef:\n          name: {{ .Values.existingSecret }}\n          key: k\n    - name: U\n      valueFrom:\n        secretKeyRef: {name: fixed, key: k}\n    script: echo $T {{ .Values.token }}\n";
        let uses = read("chart/templates/tekton-task.yaml", text);
        let expected = [
            "secret {{ .Values.existingSecret }}/k|{{ .Values.existingSecret }}|T|{{ .Release.Name }}",
            "secret fixed/k|fixed|U|{{ .Release.Name }}",
            "variable Values.token|.Values.token||{{ .Release.Name }}",
        ];
        assert_eq!(told(&uses, text), expected);
        assert_eq!((uses.exposures.len(), uses.uses[0].system), (1, System::Tekton));
        assert_eq!(uses.unread.iter().map(|one| one.kind).collect::<Vec<_>>(), [None]);
    }
}
