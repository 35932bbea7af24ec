//! Azure Pipelines: references, doors, near misses, hostile files.

use super::READER;
use crate::model::usage::{Door, Store, Uses};
use crate::model::{Confidence, Untrusted};
use crate::uses::File;
use crate::uses::testing::{leaks, part};

const PIPELINE: &str = r#"
trigger: [main]
pr: none
parameters:
- name: greeting
  type: string
- name: size
  type: string
  values: [small, large]
resources:
  repositories:
  - repository: shared
    type: github
    name: others/templates
    endpoint: github-of-others
  - repository: ours
    type: git
    name: ours/templates
variables:
- group: production-secrets
- name: region
  value: west
- name: system.debug
  value: true
stages:
- stage: Build
  jobs:
  - job: Compile
    pool:
      vmImage: ubuntu-latest
    steps:
    - task: AzureKeyVault@2
      inputs:
        azureSubscription: vault-reader
        KeyVaultName: ours
        SecretsFilter: 'db-password, signing'
    - script: |
        here=$(pwd)
        stamp() { date; }
        echo "$(stamp) $(region) $(db-password)"
        echo '##vso[task.setvariable variable=made;issecret=true]'$(DEPLOY_TOKEN)
        curl -H "x: $(made)" "$UNMAPPED_TOKEN" "$(version)"
        printf '%s' "$PKG_TOKEN" > $(Build.ArtifactStagingDirectory)/npmrc
        env > /dev/null
      displayName: Compile it
      env:
        PKG_TOKEN: $(npmSecret)
        PLAIN: hunter-two
    - bash: |
        set -x
        deploy --token $(DEPLOY_TOKEN)
        set +x
        deploy --token $(DEPLOY_TOKEN)
        echo "$(Build.SourceVersionMessage)" ${{ parameters.greeting }} ${{ parameters.size }} $(Build.BuildId)
    - task: Docker@2
      inputs:
        containerRegistry: registry-connection
        command: build
        arguments: --build-arg REGION=$(region) --build-arg TOKEN=$(DEPLOY_TOKEN)
    - publish: $(Build.ArtifactStagingDirectory)
    - ${{ if eq(variables['FLAVOUR'], 'x') }}:
      - pwsh: |
          Write-Host $env:HIDDEN
          env
        env:
          HIDDEN: $(System.AccessToken)
- stage: Ship
  condition: eq(variables['SHIP_IT'], 'yes')
  jobs:
  - deployment: Web
    environment: { name: production }
    strategy:
      runOnce:
        deploy:
          steps:
          - script: echo hello $(region)
            displayName: Greet
            env: { LITERAL: hunter-three }
  - template: jobs/more.yml
    parameters: { token: '$(DEPLOY_TOKEN)' }
  - template: theirs.yml@shared
    parameters: { token: '$(DEPLOY_TOKEN)' }
  - template: theirs.yml@ours
    parameters: { region: '$(region)' }
"#;

fn read(path: &str, text: &[u8]) -> Uses {
    (READER.read)(File { path, text })
}

fn word(one: &Untrusted) -> String {
    String::from_utf8_lossy(one.raw()).into_owned()
}

fn told(text: &str, uses: &Uses) -> Vec<(String, Store, String, Option<String>)> {
    let all = uses.uses.iter().map(|one| {
        let span = text[one.span.start..one.span.end].to_owned();
        (word(&one.name), one.store, span, one.variable.as_ref().map(word))
    });
    all.collect()
}

fn doors(text: &str, uses: &Uses) -> Vec<(Door, Option<String>, String, Confidence)> {
    let all = uses.exposures.iter().map(|one| {
        let span = text[one.span.start..one.span.end].to_owned();
        (one.door, one.name.as_ref().map(word), span, one.confidence)
    });
    all.collect()
}

#[test]
fn references_have_their_names_stores_and_places() {
    let uses = read("azure-pipelines.yml", PIPELINE.as_bytes());
    let told = told(PIPELINE, &uses);
    let told: Vec<_> = told.iter().map(|(n, s, span, v)| (n.as_str(), *s, span.as_str(), v.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("github-of-others", Store::Secret, "github-of-others", None),
            ("production-secrets", Store::Manager, "production-secrets", None),
            ("vault-reader", Store::Secret, "vault-reader", Some("azureSubscription")),
            ("db-password", Store::Manager, "db-password", None),
            ("signing", Store::Manager, "signing", None),
            ("db-password", Store::Manager, "$(db-password)", None),
            ("DEPLOY_TOKEN", Store::Variable, "$(DEPLOY_TOKEN)", None),
            ("UNMAPPED_TOKEN", Store::Variable, "$UNMAPPED_TOKEN", None),
            ("version", Store::Variable, "$(version)", None),
            ("npmSecret", Store::Variable, "$(npmSecret)", Some("PKG_TOKEN")),
            ("DEPLOY_TOKEN", Store::Variable, "$(DEPLOY_TOKEN)", None),
            ("DEPLOY_TOKEN", Store::Variable, "$(DEPLOY_TOKEN)", None),
            ("registry-connection", Store::Secret, "registry-connection", Some("containerRegistry")),
            ("DEPLOY_TOKEN", Store::Variable, "$(DEPLOY_TOKEN)", Some("arguments")),
            ("FLAVOUR", Store::Variable, "variables['FLAVOUR']", None),
            ("System.AccessToken", Store::Secret, "$(System.AccessToken)", Some("HIDDEN")),
            ("SHIP_IT", Store::Variable, "variables['SHIP_IT']", None),
            ("DEPLOY_TOKEN", Store::Variable, "$(DEPLOY_TOKEN)", Some("token")),
            ("DEPLOY_TOKEN", Store::Variable, "$(DEPLOY_TOKEN)", Some("token")),
        ]
    );
    let includes: Vec<_> = uses.includes.iter().map(|one| (word(&one.what), one.path.as_ref().map(word))).collect();
    assert_eq!(
        includes,
        [
            ("jobs/more.yml".to_owned(), Some("jobs/more.yml".to_owned())),
            ("theirs.yml@shared".to_owned(), None),
            ("theirs.yml@ours".to_owned(), None)
        ]
    );
    assert!(uses.unread.is_empty(), "{:?}", uses.unread);
}

#[test]
fn doors_are_told_and_nothing_else() {
    let uses = read("azure-pipelines.yml", PIPELINE.as_bytes());
    let found = doors(PIPELINE, &uses);
    let found: Vec<_> = found.iter().map(|(door, name, span, c)| (*door, name.as_deref(), span.as_str(), *c)).collect();
    let expected = [
        (Door::Traced, None, "true", Confidence::Low),
        (Door::Printed, Some("db-password"), "echo \"$(stamp) $(region) $(db-password)\"", Confidence::High),
        (Door::Artifact, Some("npmSecret"), "printf '%s' \"$PKG_TOKEN\"", Confidence::Medium),
        (Door::Traced, Some("DEPLOY_TOKEN"), "deploy --token $(DEPLOY_TOKEN)", Confidence::High),
        (Door::Injected, None, "$(Build.SourceVersionMessage)", Confidence::Medium),
        (Door::Injected, None, "${{ parameters.greeting }}", Confidence::Low),
        (
            Door::BuildArgument,
            Some("DEPLOY_TOKEN"),
            "--build-arg REGION=$(region) --build-arg TOKEN=$(DEPLOY_TOKEN)",
            Confidence::High,
        ),
        (Door::Printed, Some("System.AccessToken"), "Write-Host $env:HIDDEN", Confidence::High),
        (Door::Printed, None, "env", Confidence::High),
        (Door::Unpinned, Some("DEPLOY_TOKEN"), "theirs.yml@shared", Confidence::Medium),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_place_has_its_job_step_and_environment() {
    let uses = read("azure-pipelines.yml", PIPELINE.as_bytes());
    let at = |text: &str| uses.at(PIPELINE.find(text).unwrap()).unwrap();
    let word = |one: &Option<Untrusted>| one.as_ref().map(word).unwrap_or_default();
    let two = at("hunter-two");
    assert_eq!((word(&two.job), word(&two.step)), ("Compile".to_owned(), "Compile it".to_owned()));
    let three = at("hunter-three");
    assert_eq!((word(&three.job), word(&three.step)), ("Web".to_owned(), "Greet".to_owned()));
    assert_eq!(word(&three.environment), "production");
    assert_eq!(three.events, [Untrusted::from("push")]);
    assert_eq!(word(&at("vault-reader").action), "AzureKeyVault@2");
}

#[test]
fn templates_are_pipelines_too() {
    let text = "parameters:\n- name: apiKey\n  type: string\n- name: cred\n  default: $(DB_PASSWORD)\nsteps:\n\
                - script: echo ${{ parameters.apiKey }} ${{ parameters.cred }} ${{ parameters.size }}\n- template: ../x.yml\n";
    let uses = read(".azure-pipelines/a/b.yml", text.as_bytes());
    let names: Vec<_> = uses.exposures.iter().map(|one| one.name.as_ref().map(word).unwrap_or_default()).collect();
    assert_eq!(names, ["DB_PASSWORD", "apiKey"]);
    assert_eq!(uses.includes[0].path, Some(".azure-pipelines/x.yml".into()));
}

#[test]
fn extended_templates_are_handed_whole_stages() {
    let text = "extends:\n  template: v1/a.yml@theirs\n  parameters:\n    stages:\n    - stage: S\n      jobs:\n      - job: J\n        \
                steps:\n        - bash: echo $(API_KEY)\n";
    let uses = read("azure-pipelines.yml", text.as_bytes());
    assert_eq!(uses.uses.len(), 1);
    assert_eq!(uses.uses[0].context.job, Some("J".into()));
    assert_eq!(uses.exposures.len(), 1);
}

#[test]
fn a_vault_that_gives_everything_is_told() {
    let text = "steps:\n- task: AzureKeyVault@2\n  inputs:\n    SecretsFilter: '*'\n";
    let uses = read("azure-pipelines.yml", text.as_bytes());
    assert_eq!(doors(text, &uses), [(Door::InheritedWhole, None, "*".to_owned(), Confidence::Medium)]);
}

#[test]
fn files_are_known_by_their_paths() {
    let own = [
        "azure-pipelines.yml",
        "a/azure-pipelines-ci.yaml",
        ".azure-pipelines/x/y.yml",
        ".azuredevops/z.yml",
        ".vsts.ci.yml",
    ];
    assert!(own.iter().all(|path| (READER.is_own)(path)));
    let others =
        ["azure-pipelines.md", ".azuredevops/pull_request_template.md", "vsts.yml", "pipelines.yml", "src/azure.yml"];
    assert!(!others.iter().any(|path| (READER.is_own)(path)));
}

#[test]
fn whatever_a_file_has_it_ends() {
    for end in 0..PIPELINE.len() {
        read("azure-pipelines.yml", &PIPELINE.as_bytes()[..end]);
    }
    let bad = read("azure-pipelines.yml", b"steps:\n- bash: echo $(API_KEY)\n# \xff\xfe\n");
    assert_eq!((bad.uses.len(), bad.unread.len()), (1, 1));
    assert_eq!(read("azure-pipelines.yml", b"- a\n- b\n"), Uses::default());
    for text in [&b"steps: &a [*a]\n"[..], b"stages: &a\n- jobs: *a\n  steps: *a\n"] {
        assert!(read("azure-pipelines.yml", text).uses.is_empty());
    }
    let mut text = String::from("x: &s |\n");
    text.push_str(&"  echo $(API_KEY)\n".repeat(2000));
    text.push_str("steps:\n");
    text.push_str(&"- bash: *s\n".repeat(200));
    assert!(!read("azure-pipelines.yml", text.as_bytes()).unread.is_empty());
}

#[test]
fn variables_that_scripts_set_hold_what_they_are_given() {
    let text = r###"jobs:
- job: j
  container: {image: a, endpoint: dh-conn}
  variables:
  - group: ${{ parameters.env }}-group
  steps:
  - bash: |
      echo "##vso[task.setvariable variable=out;isOutput=true]$S"
      echo "##vso[task.setvariable variable=plain;isOutput=true]$P"
    name: st
    env: {S: $(STV_TOKEN), P: $(MODE)}
  - bash: echo $(st.out)
  - bash: echo $(st.plain)
- job: k
  variables: {FROM: "$[ dependencies.j.outputs['st.out'] ]", MORE: "$[ dependencies.j.outputs['st.plain'] ]"}
  steps:
  - bash: echo $(FROM)
  - bash: echo $(MORE)
"###;
    let uses = (READER.read)(File { path: "azure-pipelines.yml", text: text.as_bytes() });
    let wanted = [(Door::Printed, "STV_TOKEN", "echo $(st.out)"), (Door::Printed, "STV_TOKEN", "echo $(FROM)")];
    assert_eq!(leaks(&uses, text), wanted);
    let first = uses.uses.first().map(|one| (word(&one.name), part(text, one.span)));
    assert_eq!(first, Some(("dh-conn".to_owned(), "dh-conn")));
    assert_eq!(uses.unread.iter().map(|one| one.kind).collect::<Vec<_>>(), [None]);
    let template = "parameters: {api_token: ''}\nsteps:\n- script: echo ${{ parameters.api_token }}\n";
    let uses = (READER.read)(File { path: "t/steps.yml", text: template.as_bytes() });
    assert_eq!(leaks(&uses, template).len(), 1);
}
