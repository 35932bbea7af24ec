//! Tests of the reader of Jenkins.

use std::time::Instant;

use super::{READER, is_own};
use crate::model::Confidence;
use crate::model::usage::{Door, Store, Use, Uses};
use crate::uses::File;
use crate::uses::testing::{leaks, part, word};

const DECLARATIVE: &str = r#"@Library('deploy-steps@main') _
// withCredentials([string(credentialsId: 'in-a-comment', variable: 'X')]) { sh 'echo $X' }
pipeline {
    agent { docker { image 'builder'; registryCredentialsId 'registry-login' } }
    triggers { cron('H 4 * * *') }
    parameters {
        string(name: 'VERSION', defaultValue: '1')
        choice(name: 'REGION', choices: ['eu', 'us'])
    }
    environment {
        API = credentials('api-login')
        MODE = 'fast'
        HEADER = "Bearer ${API_PSW}"
    }
    stages {
        stage('Build') {
            steps {
                git url: 'https://git.example/app.git', credentialsId: 'git-login'
                sh 'make MODE=$MODE SITE=$SITE_NAME'
                sh "curl -H '${HEADER}' https://api.example/${params.VERSION}/${params.REGION}"
                sh '''
                    set +x
                    curl -u "$API" https://api.example
                '''
            }
        }
        stage('Deploy') {
            when { changeRequest(); environment name: 'DEPLOY_TO', value: 'production' }
            environment { KEY = credentials('deploy-key') }
            steps {
                echo "key ${KEY} of ${API_USR}"
                echo 'key ${KEY}'
                echo "is there a key: ${KEY ? 'yes' : 'no'}"
                sh label: 'publish', script: "./publish '${env.CHANGE_TITLE}' hunter-two"
                sh "echo '${KEY}' > key.txt"
                sh(script: 'echo $KEY', returnStdout: true)
                archiveArtifacts artifacts: 'build/*, key.txt'
            }
            post { always { sh 'printenv' } }
        }
    }
}
"#;

const SCRIPTED: &str = r#"
def id = 'from-a-variable'
node('linux') {
    stage('Push') {
        withCredentials([usernamePassword(credentialsId: 'hub', usernameVariable: 'HUB_USER', passwordVariable: 'HUB_WORD'),
                         file(credentialsId: 'kube', variable: 'KUBECONFIG'),
                         [$class: 'StringBinding', credentialsId: id, variable: 'NOTE'],
                         sshUserPrivateKey(credentialsId: 'ssh', keyFileVariable: 'KEYFILE')]) {
            sh 'set -x; login -u "$HUB_USER" -p "$HUB_WORD"'
            echo "user ${HUB_USER} with ${KUBECONFIG}"
            println(NOTE)
            docker.build('app', "--build-arg NOTE=${NOTE} --build-arg USER=${HUB_USER} .")
            bat "login %HUB_WORD%"
            def line = "a ${HUB_WORD}"
            writeFile file: 'out/line.txt', text: line
            def kube = readFile(KUBECONFIG)
            echo kube
        }
        stash name: 'out', includes: 'out/**'
        echo "gone ${HUB_WORD}"
        docker.withRegistry('https://registry.example', 'registry') { sh './push' }
        sshagent(credentials: ['deployer', 'other']) { sh 'ssh host true' }
        def secrets = [[path: 'kv/app', secretValues: [[envVar: 'VAULTED', vaultKey: 'app-token']]]]
        withVault([vaultSecrets: secrets]) { sh 'echo "$VAULTED"' }
        sh 'use $DEPLOY_TOKEN $WORKSPACE $HOME'
        podTemplate(envVars: [secretEnvVar(key: 'POD_WORD', secretName: 'pods', secretKey: 'word')]) { sh 'true' }
        load 'ci/more.groovy'
    }
}
"#;

fn read(text: &str) -> Uses {
    (READER.read)(File { path: "Jenkinsfile", text: text.as_bytes() })
}

/// Names, variables and the text of every reference.
fn names<'u>(text: &'u str, uses: &'u Uses) -> Vec<(&'u str, &'u str, &'u str)> {
    let one = |one: &'u Use| (word(Some(&one.name)), word(one.variable.as_ref()), part(text, one.span));
    uses.uses.iter().map(one).collect()
}

#[test]
fn references_of_a_declarative_pipeline() {
    let uses = read(DECLARATIVE);
    let found = names(DECLARATIVE, &uses);
    let wanted = [
        ("registry-login", "", "registry-login"),
        ("api-login", "API", "api-login"),
        ("git-login", "", "git-login"),
        ("SITE_NAME", "", "$SITE_NAME"),
        ("deploy-key", "KEY", "deploy-key"),
    ];
    assert_eq!(found, wanted);
    let git = &uses.uses[2];
    assert_eq!(word(git.context.job.as_ref()), "Build");
    assert_eq!(word(git.context.step.as_ref()), "git");
    assert_eq!(git.context.events, ["cron".into()]);
    assert_eq!(git.confidence, Confidence::High);
    assert!(uses.unread.is_empty());
}

#[test]
fn doors_of_a_declarative_pipeline() {
    let uses = read(DECLARATIVE);
    let found = leaks(&uses, DECLARATIVE);
    let wanted = [
        (Door::Unpinned, "", "deploy-steps@main"),
        (Door::Traced, "api-login", "${HEADER}"),
        (Door::Injected, "", "${params.VERSION}"),
        (Door::Printed, "deploy-key", "key ${KEY} of ${API_USR}"),
        (Door::Injected, "", "${env.CHANGE_TITLE}"),
        (Door::Artifact, "deploy-key", "echo '${KEY}'"),
        (Door::Traced, "deploy-key", "${KEY}"),
        (Door::Printed, "", "printenv"),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_scripted_pipeline() {
    let uses = read(SCRIPTED);
    let found = names(SCRIPTED, &uses);
    for (name, variable, text) in [
        ("hub", "HUB_USER", "hub"),
        ("hub", "HUB_WORD", "hub"),
        ("kube", "KUBECONFIG", "kube"),
        ("from-a-variable", "NOTE", "id"),
        ("ssh", "KEYFILE", "ssh"),
        ("registry", "", "registry"),
        ("deployer", "", "deployer"),
        ("other", "", "other"),
        ("app-token", "VAULTED", "VAULTED"),
        ("DEPLOY_TOKEN", "", "$DEPLOY_TOKEN"),
        ("pods/word", "POD_WORD", "pods"),
    ] {
        assert!(found.contains(&(name, variable, text)), "{name}: {found:?}");
    }
    assert_eq!(found.len(), 11);
    assert_eq!(uses.uses.iter().find(|u| u.store == Store::Manager).map(|u| word(Some(&u.name))), Some("app-token"));
    let wanted = [
        (Door::Traced, "hub", "login -u \"$HUB_USER\" -p \"$HUB_WORD\""),
        (Door::Printed, "from-a-variable", "NOTE"),
        (Door::BuildArgument, "from-a-variable", "--build-arg NOTE=${NOTE} --build-arg USER=${HUB_USER} ."),
        (Door::Artifact, "hub", "file: 'out/line.txt', text: line"),
        (Door::Printed, "kube", "kube"),
        (Door::Printed, "app-token", "echo \"$VAULTED\""),
    ];
    assert_eq!(leaks(&uses, SCRIPTED), wanted);
    assert_eq!(word(uses.includes[0].path.as_ref()), "ci/more.groovy");
}

#[test]
fn what_stands_where() {
    let uses = read(DECLARATIVE);
    let at = uses.at(DECLARATIVE.find("hunter-two").unwrap()).unwrap();
    assert_eq!(word(at.job.as_ref()), "Deploy");
    assert_eq!(word(at.step.as_ref()), "publish");
    assert_eq!(word(at.environment.as_ref()), "production");
    assert_eq!(at.events, ["change_request".into()]);
    assert!(uses.at(0).is_none());
}

#[test]
fn paths() {
    for path in ["Jenkinsfile", "ci/Jenkinsfile.release", "a/b.jenkinsfile", "vars/deploy.groovy", "jenkins/x.groovy"] {
        assert!(is_own(path), "{path}");
    }
    for path in ["src/Main.groovy", "docs/Jenkinsfile.md", "build.gradle", "vars/x.yml"] {
        assert!(!is_own(path), "{path}");
    }
}

#[test]
fn what_is_no_pipeline() {
    assert_eq!(read("just words").unread[0].kind, None);
    let class = File { path: "vars/x.groovy", text: b"class A { int b }" };
    assert_eq!((READER.read)(class), Uses::default());
    let broken = File { path: "Jenkinsfile", text: b"node { sh 'a' } \xff" };
    assert!((READER.read)(broken).unread[0].kind.is_some());
}

#[test]
fn hostile_files_end() {
    for text in [DECLARATIVE, SCRIPTED] {
        for end in 0..text.len() {
            let cut = File { path: "Jenkinsfile", text: &text.as_bytes()[..end] };
            let uses = (READER.read)(cut);
            assert!(uses.exposures.iter().all(|e| e.span.end <= end && e.span.start <= e.span.end));
        }
    }
    let begins = Instant::now();
    for one in [
        "{",
        "[",
        "(",
        "sh(",
        "sh ",
        "sh \"${",
        "echo(echo ",
        "stage('a'){",
        "stage('a'){environment{A=credentials('b')}",
        "a=b=",
        "withEnv(['A=b']){",
        "withCredentials([string(credentialsId:'a',variable:'b')]){sh \"$b\"}\n",
        "sshagent(sshagent ",
        "\"${\"",
        "=/a",
        "credentialsId: ",
        "when{not{",
        "A=\"${A}\"\n",
        "envVar: 'a', key: 'b', ",
        "sh 'echo $A > a'\nstash includes: 'a'\n",
        "'''",
        "/*",
        "$/",
    ] {
        let text = format!("pipeline {{ sh 'a' }}\n{}", one.repeat(20_000 / one.len()));
        let uses = read(&text);
        assert!(uses.uses.len() < 20_000);
    }
    assert!(begins.elapsed().as_secs() < 60, "{:?}", begins.elapsed());
}

#[test]
fn files_with_credentials_are_printed_by_what_reads_them() {
    let told = |command: &str| {
        let text = format!(
            "node {{ withCredentials([file(credentialsId: 'kube', variable: 'KC'), sshUserPrivateKey(credentialsId: 'ssh', keyFileVariable: 'KEY', usernameVariable: 'WHO')]) {{ sh '{command}' }} }}"
        );
        let uses = (READER.read)(File { path: "Jenkinsfile", text: text.as_bytes() });
        uses.exposures.iter().map(|one| (one.door, word(one.name.as_ref()).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(told("cat $KC"), [(Door::Printed, "kube".to_owned())]);
    assert_eq!(told("cat \"$KEY\" | base64"), [(Door::Printed, "ssh".to_owned())]);
    for near in ["ssh -i $KEY host", "echo $KEY $KC", "cat $WHO", "cat $KC > other", "cat $KCX"] {
        assert_eq!(told(near), [], "{near}");
    }
}
