//! References of each language, and what looks like one.

#![cfg(test)]

use std::time::Instant;

use proptest::prelude::*;

use super::{is_code, references};
use crate::model::Confidence;
use crate::model::usage::{Store, System, Use};

fn uses_at(path: &str, text: &str, base: usize) -> Vec<Use> {
    let mut all = Vec::new();
    references(path, text.as_bytes(), base, &mut all);
    all.sort_by_key(|one| one.span);
    for one in &all {
        assert_eq!(one.name.raw(), &text.as_bytes()[one.span.start - base..one.span.end - base]);
    }
    all
}

fn uses(path: &str, text: &str) -> Vec<Use> {
    uses_at(path, text, 7)
}

fn names(path: &str, text: &str) -> Vec<String> {
    uses_at(path, text, 0).iter().map(|one| String::from_utf8_lossy(one.name.raw()).into_owned()).collect()
}

#[track_caller]
fn asks(path: &str, text: &str, all: &[&str]) {
    assert_eq!(names(path, text), all, "{text}");
}

#[test]
fn paths() {
    for path in [
        "a.py",
        "a/b.ts",
        "x.tsx",
        "m.go",
        "A.java",
        "a.rs",
        "a.rb",
        "Rakefile",
        "a.php",
        "a.cs",
        "a.c",
        "a.h",
        "a.pl",
        "a.exs",
        "a.swift",
        "a.dart",
        "a.R",
        "a.lua",
        "a.ps1",
        "a.sh",
        "bin/deploy",
        "Makefile",
        "a/justfile",
        "rules.mk",
    ] {
        assert!(is_code(path), "{path}");
    }
    for path in ["a.md", "a.txt", ".env", "a/.env", ".env.local", "a.json", "a.yml", "", "a/", ".bashrc", "a.tar.gz"] {
        assert!(!is_code(path), "{path}");
    }
}

#[test]
fn python() {
    asks(
        "a.py",
        "a = os.environ['A'] + os.environ.get(\"B\", '') + os.getenv('C')\nos.environ.pop(\n    'D'\n)\n",
        &["A", "B", "C", "D"],
    );
    asks("a.py", "from os import environ, getenv\nenviron['A']; getenv('B'); environ.get('C')", &["A", "B", "C"]);
    asks("a.py", "from decouple import config\nA = config('A', default=1)\nb = self.config('B')", &["A"]);
    asks(
        "a.py",
        "env('A'); env.str('B', 'x'); env.db(\"C\"); self.env('D'); env.read_env('E'); myenv('F')",
        &["A", "B", "C", "D"],
    );
    asks("a.ipynb", "\"source\": [\"k = os.environ[\\\"A\\\"]\\n\"]", &["A"]);
    asks("a.py", "def app(environ, start):\n  environ['PATH_INFO']\nrequest.environ['X']\n", &[]);
    asks(
        "a.py",
        "# os.environ['A']\n  #os.getenv('B')\nos.environ['C'] = 'x'\nos.environ[name]\nos.environ[f'{a}_B']\nos.getenv('A' + b)\nos.environ['a b']\nos.environ\n",
        &[],
    );
    asks("a.py", "if os.environ['A'] == 'x': pass", &["A"]);
    let all = uses("a.py", "def f():\n  os.getenv('A')\nenv('B')\n");
    assert_eq!((all[0].confidence, all[1].confidence), (Confidence::High, Confidence::Medium));
    assert!(
        all.iter().all(|one| one.store == Store::Environment && one.system == System::Code && one.variable.is_none())
    );
}

#[test]
fn javascript() {
    asks(
        "a.ts",
        "process.env.A; process.env['B']; process.env?.C; process.env[\"D\"] ?? 1; globalThis.process.env.E!",
        &["A", "B", "C", "D", "E"],
    );
    asks(
        "a.js",
        "const { A, B: b, C = 'x', ...rest } = process.env;\nconst {\n  D,\n  E,\n} = process.env",
        &["A", "B", "C", "D", "E"],
    );
    asks("a.vue", "import.meta.env.VITE_A; import.meta.env.MODE; Deno.env.get('B'); Bun.env.C", &["VITE_A", "B", "C"]);
    asks(
        "a.js",
        "process.env.A = 'x'; process.env[name]; process.env; f(process.env); process.env.hasOwnProperty('A'); myprocess.env.B\n// process.env.C\n * process.env.D",
        &[],
    );
    asks("a.js", "if (process.env.A === 'x' || process.env.B == 1 || process.env.C) {}", &["A", "B", "C"]);
    asks("a.js", "x = { ...process.env, y: 1 }; const z = process.env", &[]);
}

#[test]
fn of_the_jvm() {
    asks(
        "A.java",
        "System.getenv(\"A\"); System.getenv().get(\"B\"); env.getProperty(\"c.d\"); System.getProperty(\"e\");",
        &["A", "B", "c.d"],
    );
    asks(
        "A.kt",
        "System.getenv()[\"A\"]\n@Value(\"\\${B}\")\n@Value(\"${c.d-e:none}\") String c;\n@Value(\"#{1}\")",
        &["A", "B", "c.d-e"],
    );
    asks("a.scala", "sys.env(\"A\") sys.env.get(\"B\") sys.env.getOrElse(\"C\", \"\")", &["A", "B", "C"]);
    asks("build.gradle", "password = providers.environmentVariable('A').get()", &["A"]);
}

#[test]
fn rust_and_go() {
    asks(
        "a.rs",
        "std::env::var(\"A\"); env::var_os(\"B\"); env!(\"C\"); option_env!(\"D\"); dotenvy::var(\"E\"); env::vars(); env::var(name)",
        &["A", "B", "C", "D", "E"],
    );
    asks("a.rs", "#[arg(long, env = \"A\")]\n#[clap(\n    env = \"B\",\n)]\nlet env = \"C\";", &["A", "B"]);
    asks(
        "a.go",
        "os.Getenv(\"A\"); os.LookupEnv(\"B\"); viper.GetString(\"c.d\"); viper.BindEnv(\"e\", \"F\"); viper.BindEnv(\"g\")",
        &["A", "B", "c.d", "F", "g"],
    );
    asks(
        "a.go",
        "type C struct {\n\tA string `env:\"A,required\" json:\"x\"`\n\tB string `json:\"y\" envconfig:\"B\"`\n}",
        &["A", "B"],
    );
    asks("a.go", "EnvVars: []string{\"A\", \"B\"}, EnvVar: \"C\"", &["A", "B", "C"]);
    asks("a.go", "os.Getenv(\"A\" + x)\nos.Getenv(key)\n// os.Getenv(\"B\")\nos.Setenv(\"C\", \"d\")", &[]);
}

#[test]
fn other_languages() {
    asks(
        "a.rb",
        "ENV['A']; ENV.fetch(\"B\", nil); ENV.fetch 'C'; ENV['D'] ||= 'x'; ENV['E'] = 'y'; MYENV['F']; ENV[\"#{x}_G\"]",
        &["A", "B", "C", "D"],
    );
    asks(
        "a.php",
        "getenv('A'); $_ENV['B']; env('C', 'x'); $_SERVER['D_KEY']; $_SERVER['REQUEST_URI']; getenv('E' . $x); $this->env('F');",
        &["A", "B", "C", "D_KEY"],
    );
    asks(
        "a.cs",
        "Environment.GetEnvironmentVariable(\"A\"); _configuration[\"B:C\"]; builder.Configuration[\"D\"]",
        &["A", "B:C", "D"],
    );
    asks(
        "a.c",
        "char *a = getenv(\"A\");\n  x = secure_getenv(\"B\"); std::getenv(\"C\"); my_getenv(\"D\"); getenv(name);\n/* getenv(\"E\") */",
        &["A", "B", "C"],
    );
    asks("a.pl", "$ENV{A}; $ENV{'B'}; $ENV{\"C\"}; $ENV{D} = 1; $ENV{$x}; # x\n# $ENV{E}", &["A", "B", "C"]);
    asks(
        "a.exs",
        "System.get_env(\"A\") || System.fetch_env!(\"B\"); System.fetch_env(\"C\"); Application.get_env(:a, :b); System.get_env(\"D\" <> x)",
        &["A", "B", "C"],
    );
    asks("a.swift", "ProcessInfo.processInfo.environment[\"A\"]; self.environment[\"B\"]", &["A"]);
    asks("a.dart", "Platform.environment['A']; const String.fromEnvironment('B', defaultValue: '')", &["A", "B"]);
    asks("a.R", "Sys.getenv(\"A\")", &["A"]);
    asks("a.lua", "os.getenv(\"A\"); os.getenv 'B'; os.getenv('C' .. x)\n-- os.getenv('D')", &["A", "B"]);
    asks(
        "a.ps1",
        "$env:A; \"$($Env:B)\"; ${env:C}; $env:D = 'x'; [Environment]::GetEnvironmentVariable('E')\n# $env:F",
        &["A", "B", "C", "E"],
    );
    asks("a.clj", "(System/getenv \"A\") (env :b-c)", &["A", "b-c"]);
}

#[test]
fn comments_and_texts_ask_for_nothing() {
    asks(
        "a.py",
        "x = 1  # os.getenv('A')\n\"\"\"\nos.getenv('B')\n\"\"\"\ns = \"os.environ['C']\"\nos.getenv('D')",
        &["D"],
    );
    asks(
        "a.py",
        "x = '''a \"\"\" b'''\nos.getenv('A'); f\"{os.environ['B']} it's\"; \"# no\"; os.getenv('C')",
        &["A", "B", "C"],
    );
    asks(
        "a.c",
        "/* it's\n getenv(\"A\") */ getenv(\"B\"); c = '\"'; getenv(\"C\"); // getenv(\"D\")\nx = \"/* \"; getenv(\"E\"); x = \"\\\"getenv(\\\"F\\\")\";",
        &["B", "C", "E"],
    );
    asks(
        "a.ts",
        "const s = 'process.env.A'; `x ${process.env.B} process.env.C`; /'/.test(process.env.D + 'x'); /* process.env.E */ // process.env.F\n",
        &["B", "D"],
    );
    asks(
        "a.ts",
        "const g = 'src/**/*.ts';\nprocess.env.A; `\nprocess.env.B ${ f({ a: `${process.env.C}` }) }\n` + process.env.D; 'http://x/' + process.env.E",
        &["A", "C", "D", "E"],
    );
    asks("a.ts", "/*\n `\n*/\nprocess.env.A\n<p>it is {process.env.B} don't</p>", &["A", "B"]);
    asks("a.go", "s := `\nos.Getenv(\"A\")\n`\nos.Getenv(\"B\") // `\nos.Getenv(\"C\")", &["B", "C"]);
    asks(
        "a.rs",
        "let s = r#\"env::var(\"A\")\"#; let c = '\"'; fn f<'a>(x: &'a str) { env::var(\"B\"); }\n/// env::var(\"C\")\n\"\n env::var('D')\"; env::var(\"E\")",
        &["B", "E"],
    );
}

#[test]
fn comments_and_texts_of_other_languages_ask_for_nothing() {
    asks(
        "a.rb",
        "ENV['A'] # ENV['B']\n=begin\nENV['C']\n=end\n\"#{ENV['D']} #x\"; k = 'ENV[\"E\"]'\nx = <<~T\n  #{ENV['G']}\nT\nENV['H']\n__END__\nENV['I']",
        &["A", "D", "G", "H"],
    );
    asks(
        "a.pl",
        "=head1 X\n\n$ENV{A}\n\n=cut\n\n$ENV{B} ? 1 : $#x; \"it's $ENV{D}\"; # $ENV{E}\n'x $ENV{C}'",
        &["B", "D"],
    );
    asks("a.ps1", "'x $env:A'; \"x $env:B\"; <#\n$env:C #>\n$env:D # $env:E\n@'\n$env:F\n'@\n$env:G", &["B", "D", "G"]);
    asks(
        "a.php",
        "getenv('A'); // getenv('B')\n$c->getSecretValue(['SecretId' => 'C']); # getenv('D')\n\"x {$_ENV['E']}\"",
        &["A", "C", "E"],
    );
    asks(
        "A.kt",
        "val a = \"${System.getenv(\"A\")} //\" /* System.getenv(\"B\") */ + System.getenv(\"C\")",
        &["A", "C"],
    );
    asks(
        "a.cs",
        "var s = @\"x \\\"; E.GetEnvironmentVariable(\"A\"); $\"{E.GetEnvironmentVariable(\"B\")}\"; // E.GetEnvironmentVariable(\"C\")",
        &["A", "B"],
    );
    asks("a.vue", "<a :href=\"process.env.A\">it's</a> {{ process.env.B }}", &["A", "B"]);
    asks("a.erb", "<a href=\"<%= ENV['A'] %>\">", &["A"]);
    let cells = "{\"cell_type\": \"markdown\", \"source\": [\"os.environ['A']\"]}, {\"cell_type\": \"code\", \"source\": [\"# os.environ['B']\",\n\"os.environ['C']\"]}";
    asks("a.ipynb", cells, &["C"]);
    // Where a part of a file begins nobody knows what is open.
    let level = |base| {
        let mut all = Vec::new();
        references("a.py", b"'''\nos.environ['A']\n'''", base, &mut all);
        all.first().map(|one| one.confidence)
    };
    assert_eq!((level(0), level(7)), (None, Some(Confidence::Low)));
}

#[test]
fn names_that_stand_elsewhere() {
    asks(
        "a.py",
        "N = 'A'\nos.environ[N]; os.getenv(N)\nM = 'B'\nM = 'C'\nos.getenv(M)\ndef f(k):\n  os.getenv(k)\n",
        &["A", "A"],
    );
    asks("a.ts", "const k = 'A'; process.env[k]; const f = (n) => process.env[n]; const n = 'B';", &["A"]);
    asks("a.go", "const n = \"A\"\nfunc main() {\n\tos.Getenv(n)\n}\n", &["A"]);
    asks("a.go", "const n = \"A\"\nfunc f(n string) {\n\tos.Getenv(n)\n}\n", &[]);
    asks("A.java", "static final String N = \"A\"; { System.getenv(N); System.getenv(O.N); }", &["A"]);
    asks("a.ts", "const { env } = process; env.A; x.env.B; env.c; 'env.D'; env.E = 1; env.F()", &["A"]);
    asks("a.ts", "import { env as e } from 'node:process';\ne.A; f(e); env.B", &["A"]);
    asks("a.ts", "import { env } from './own'; env.A", &[]);
    asks("a.swift", "let env = ProcessInfo.processInfo.environment\nenv[\"A\"]; other[\"B\"]", &["A"]);
}

#[test]
fn more_calls() {
    asks(
        "a.py",
        "os.environb[b'A']; 'B' in os.environ; \"C\" not in os.environ; dict(os.environ)['D']; os.environ.get(key='E')",
        &["A", "B", "C", "D", "E"],
    );
    asks(
        "a.py",
        "x: str = Field(..., env='A')\n@click.option('--x', envvar='B')\nfor k in os.environ: pass",
        &["A", "B"],
    );
    asks("a.py", "subprocess.run(c, env='C')", &[]);
    asks(
        "a.ts",
        "configService.get<string>('A'); this.configService.getOrThrow('b.c'); configService.getAll(); import { D, E as e } from '$env/static/private'; 'F' in process.env; defineSecret('G'); process?.env?.H; process.env\n  .I",
        &["A", "b.c", "D", "E", "F", "G", "H", "I"],
    );
    asks(
        "A.java",
        "env.getRequiredProperty(\"a\"); @ConfigProperty(defaultValue = \"x\", name = \"b.c\") String d; System.env.E; System.env['F']; System.environment()",
        &["a", "b.c", "E", "F"],
    );
    asks("a.scala", "Properties.envOrElse(\"A\", \"\"); util.Properties.envOrNone(\"B\")", &["A", "B"]);
    asks("a.rs", "Arg::new(\"x\").env(\"A\"); Command::new(\"x\").env(\"B\", \"c\")", &["A"]);
    asks("a.rb", "ENV.values_at('A', \"B\"); ENV.key?('C'); ENV.delete('D')", &["A", "B", "C"]);
    asks(
        "a.cs",
        "config[\"A\"]; c.GetValue<string>(\"B\"); E.GetEnvironmentVariables()[\"C\"]; E.SetEnvironmentVariable(\"D\", \"x\")",
        &["A", "B", "C"],
    );
    asks(
        "a.cc",
        "GetEnvironmentVariableA(\"A\", b, n); GetEnvironmentVariableW(L\"B\", b, n); qEnvironmentVariable(\"C\"); _dupenv_s(&b, &n, \"D\"); SetEnvironmentVariableA(\"E\", x); _wgetenv(L\"F\"); qgetenv(\"G\")",
        &["A", "B", "C", "D", "F", "G"],
    );
    asks("a.swift", "getenv(\"A\"); Environment.get(\"B\"); setenv(\"C\", \"x\", 1)", &["A", "B"]);
    asks("a.ex", "{:system, \"A\"}; {:other, \"B\"}", &["A"]);
    asks("a.pl", "@ENV{qw(A B)}; @ENV{'C', 'D'}", &["A", "B", "C", "D"]);
}

#[test]
fn more_secret_managers() {
    asks(
        "a.py",
        "ssm.get_parameters(Names=['/a', '/b'], WithDecryption=True); ssm.get_parameters_by_path(Path='/c')",
        &["/a", "/b", "/c"],
    );
    asks(
        "a.go",
        "&ssm.GetParametersInput{Names: []string{\"/a\", \"/b\"}}; c.KVv2(\"m\").Get(ctx, \"d\"); KVv2(\"m\")",
        &["/a", "/b", "d"],
    );
    asks("a.py", "import hvac\nc.read('secret/data/a'); f.read('/etc/x'); f.read('x')", &["secret/data/a"]);
    asks("a.py", "open(x).read('a/b')", &[]);
    asks("a.py", "c.secret_version_path('p', 'A', 'latest'); from_secret_name_v2(self, 'id', 'B')", &["A", "B"]);
    asks(
        "A.java",
        "SecretVersionName.of(\"p\", \"A\", \"latest\"); vaultTemplate.read(\"secret/data/b\")",
        &["A", "secret/data/b"],
    );
    asks(
        "a.ts",
        "sm.Secret.fromSecretNameV2(this, \"x\", \"A\"); vault.read('secret/b'); secretVersionPath(p, 'C', 'latest')",
        &["A", "secret/b", "C"],
    );
    asks("a.rb", "Vault.logical.read(\"secret/data/a\")", &["secret/data/a"]);
    asks(
        "a.ps1",
        "Get-AzKeyVaultSecret -VaultName kv -Name a-b -AsPlainText; (Get-Secret -Name C); Get-Secret 'D'; Get-SecretInfo -Name E; Get-SECSecretValue -SecretId f/g",
        &["a-b", "C", "D", "f/g"],
    );
}

#[test]
fn files_of_settings() {
    asks(".npmrc", "//r/:_authToken=${A}\n# ${B}\n", &["A"]);
    asks("src/main/resources/application-prod.yml", "a: ${A_B:x} ${c.d} # x\n", &["A_B"]);
    asks("application.properties", "p=${A}\n!q=${B}", &["A"]);
    asks("config/database.yml", "p: <%= ENV['A'] %>\n# <%= ENV['B'] %>\n", &["A"]);
    asks(
        "package.json",
        "{\"a\": \"$NO_TOKEN\", \"scripts\": {\"b\": \"curl \\\"$A_TOKEN\\\" '$B_TOKEN'\", \"c\": \"node -e \\\"process.env.C\\\"\"}, \"d\": \"$NO_TOKEN\"}",
        &["A_TOKEN", "C"],
    );
    asks(".envrc", "export X=$A_TOKEN", &["A_TOKEN"]);
    assert!(!is_code("other.yml") && !is_code("applications.yml") && !is_code("tsconfig.json"));
}

#[test]
fn secret_managers() {
    asks("a.py", "boto3.client('secretsmanager').get_secret_value(SecretId='prod/db')", &["prod/db"]);
    asks("a.ts", "new GetSecretValueCommand({ SecretId: \"prod/db\" })", &["prod/db"]);
    asks("a.go", "&secretsmanager.GetSecretValueInput{\n\tSecretId: aws.String(\"prod/db\"),\n}", &["prod/db"]);
    asks("A.java", "GetSecretValueRequest.builder().secretId(\"prod/db\").build()", &["prod/db"]);
    asks("a.rs", "client.get_secret_value().secret_id(\"prod/db\").send()", &["prod/db"]);
    asks("a.py", "Credential(SecretId='half')", &[]);
    asks("a.py", "ssm.get_parameter(Name='/prod/db', WithDecryption=True)", &["/prod/db"]);
    asks("a.ts", "new GetParameterCommand({ Name: '/prod/db' }); f({ Name: 'x' })", &["/prod/db"]);
    asks("a.py", "client.access_secret_version(name=f\"projects/{p}/secrets/db-key/versions/latest\")", &["db-key"]);
    asks("a.py", "x = f'projects/{p}/secrets/{name}/versions/1'; y = '/run/secrets/z'", &[]);
    asks("a.py", "client.get_secret('db-key').value; get_secret(name)", &["db-key"]);
    asks("a.cs", "await client.GetSecretAsync(\"db-key\"); client.GetSecret(\"b\")", &["db-key", "b"]);
    asks(
        "a.go",
        "client.GetSecret(ctx, \"db-key\", \"\", nil)\nclient.Logical().Read(\"secret/data/a\")\nc.Logical().ReadWithContext(ctx, \"b/c\")",
        &["db-key", "secret/data/a", "b/c"],
    );
    asks("a.py", "client.secrets.kv.v2.read_secret_version(path='a/b')", &["a/b"]);
    asks(
        "a.js",
        "x = 'op://vault/db/password'; y = \"op://Vault of all/db/password\"; 'op://vault/db'; `op://${v}/a/b`; 'coop://a/b/c'",
        &["op://vault/db/password", "op://Vault of all/db/password"],
    );
    assert!(uses("a.py", "client.get_secret('db-key')").iter().all(|one| one.store == Store::Manager));
}

#[test]
fn functions_that_ask() {
    let job = |path: &str, text: &str| -> Vec<String> {
        let name = |one: &Use| {
            one.context.job.as_ref().map(|job| String::from_utf8_lossy(job.raw()).into_owned()).unwrap_or_default()
        };
        uses(path, text).iter().map(name).collect()
    };
    let text = "os.getenv('A')\nclass C:\n    x = os.getenv('B')\n    async def m(self):\n        if x:\n            os.getenv('D')\n    y = os.getenv('E')\nos.getenv('F')\ndef g(x=os.getenv('G')): pass\n";
    assert_eq!(job("a.py", text), ["", "C", "m", "C", "", "g"]);
    let text = "func (s *S) Load(x int) error {\n\tos.Getenv(\"A\")\n\tgo func() {\n\t\tos.Getenv(\"B\")\n\t}()\n}\n\nvar x = os.Getenv(\"C\")\ntype D struct {\n\tE string `env:\"E\"`\n}\n";
    assert_eq!(job("a.go", text), ["Load", "Load", "", "D"]);
    let text = "static const char *name(int a,\n\tint b)\n{\n\tstruct strbuf x = INIT;\n\tfor_each(x) {\n\t\tgetenv(\"A\");\n\t}\n}\n\nint other(void)\n{\n\tgetenv(\"B\");\n}\n";
    assert_eq!(job("a.c", text), ["name", "other"]);
    let text = "const load = async () => {\n  process.env.A\n}\nexport class C {\n  get(a) {\n    beforeEach(async () => {\n      process.env.B\n    })\n  }\n}\nit('x', () => {\n  process.env.C\n})\n";
    assert_eq!(job("a.ts", text), ["load", "get", ""]);
    let text = "public class C {\n    private static String load(String a) throws E {\n        return System.getenv(\"A\");\n    }\n}\n";
    assert_eq!(job("C.java", text), ["load"]);
    let text = "impl<T> S<T> {\n    pub(crate) async fn load() {\n        env::var(\"A\");\n    }\n}\n";
    assert_eq!(job("a.rs", text), ["load"]);
    let text = "def f():\n    pass\nif x:\n    os.getenv('A')\n";
    assert_eq!(job("a.py", text), [""]);
    let far = format!("def f():\n{}  os.getenv('A')\n", "  x = 1\n".repeat(20_000));
    assert_eq!(job("a.py", &far), [""]);
}

#[test]
fn scripts() {
    asks(
        "a.sh",
        "curl -u \"$A1:${B_TOKEN}\" '$C1' \\$D1 # $E1\nF1=1; echo $F1 $HOME $1 $lower $A1\nfor G1 in 1; do $G1; done; read -r H1; $H1\n",
        &["A1", "B_TOKEN"],
    );
    asks(
        "a.sh",
        "A1=${A1:-x}; $A1; B1=\"$B1\"; C1=${D1:?x}; export E1; $E1 $C1; : ${F1:=x} $((G_H + 1))",
        &["A1", "B1", "D1", "E1", "F1"],
    );
    asks(
        "a.sh",
        "cat <<EOF\nit's $AA \\$BB ${CC}\nEOF\ncat <<'X'\n$DD\nX\necho \"$(awk '{print $NF}' \"$EE\")\" `x $FF` <<< \"$GG\"\n",
        &["AA", "CC", "EE", "FF", "GG"],
    );
    asks(
        "a.sh",
        "printenv A_TOKEN; export B_TOKEN\nexport B_TOKEN C_TOKEN=x LEVEL\ndocker run -e D_TOKEN -e E=1 --env F_TOKEN img G_TOKEN\n# export H_TOKEN\necho 'export I_TOKEN'\nunset J_TOKEN",
        &["A_TOKEN", "B_TOKEN", "D_TOKEN", "F_TOKEN"],
    );
    asks("bin/deploy", "#!/usr/bin/env bash\n$A_B", &["A_B"]);
    asks("bin/deploy", "$A_B", &[]);
    asks("LICENSE", "#!/usr/bin/python\n$A_B", &[]);
    let all = uses("a.sh", "$DEPLOY_TOKEN $STAGE");
    assert!(all.iter().all(|one| one.system == System::Shell));
    assert_eq!((all[0].confidence, all[1].confidence), (Confidence::High, Confidence::Medium));
}

#[test]
fn batches() {
    asks(
        "a.bat",
        "if not defined A_TOKEN exit\r\necho !B_TOKEN!\r\nset C_TOKEN=x\r\necho !C_TOKEN! done!\r\nrem !D_TOKEN!\r\n:: if defined E_TOKEN\r\n",
        &["A_TOKEN", "B_TOKEN"],
    );
    asks(
        "a.bat",
        "@echo off\r\nset B_C=1\r\ncurl %A_TOKEN% %B_C% %PATH% %lower% %A_TOKEN%\r\nrem %D_E%\r\n",
        &["A_TOKEN"],
    );
}

#[test]
fn files_of_make() {
    asks(
        "Makefile",
        "export A_TOKEN\nexport B_TOKEN = x\nifndef C_TOKEN\nendif\na:\n\tdocker run -e D_TOKEN img $$(printenv E_TOKEN)\n# export F_TOKEN\nexport PATH\n",
        &["A_TOKEN", "C_TOKEN", "D_TOKEN", "E_TOKEN"],
    );
    asks(
        "Makefile",
        "B_TOKEN := x\nC_TOKEN ?= x\nall:\n\tcurl $(A_TOKEN) ${B_TOKEN} $(C_TOKEN) $$D_TOKEN $${E_TOKEN} $(CFLAGS) $(shell x)\n# $(F_TOKEN)\n",
        &["A_TOKEN", "C_TOKEN", "D_TOKEN", "E_TOKEN"],
    );
    asks("justfile", "x := env_var('A_TOKEN') + env_var_or_default(\"B\", '')\n", &["A_TOKEN", "B"]);
}

/// What looks like the beginning of something.
const HOSTILE: &[&str] = &[
    "os.environ[",
    "process.env",
    "} = process.env",
    "{a,",
    "def f():\n",
    "os.getenv('A')\n",
    "config('A')",
    "from os import environ\nenviron['A']\n",
    "$",
    "$(",
    "\"$(",
    "'",
    "<<A\n",
    "$A_B=",
    "$A_TOKEN ",
    "env.str(",
    "SecretId=",
    "get_parameter(Name",
    "op://",
    "/secrets/",
    "\\",
    "env:\"",
    "@Value(\"${",
    "\n",
    " ",
    "read $AB",
    "$$AB_KEY\n",
    "é",
    "{a,a,a,a,a,a,a,a} = process.env} = process.env",
    "environ['A']",
    "struct x getenv('A') ",
    "`${",
    "'''os.environ['A']",
    "r#\"env::var(\"A\")",
    "=/[",
    "<<A ENV['A']\n",
    "/*",
    "f\"{os.getenv('A')",
    "A='b'\nos.environ[A]\n",
    "{ env } = process; env.A;",
    "@'$env:A",
    "$ENV{A}<<B\n",
    "!A!",
    "export A_TOKEN ",
];

#[test]
fn what_is_hostile_ends_in_time() {
    for part in HOSTILE {
        let text = part.repeat((1 << 16) / part.len());
        for path in [
            "a.py",
            "a.ts",
            "a.go",
            "A.java",
            "a.sh",
            "Makefile",
            "a.rs",
            "a.php",
            "a.rb",
            "a.pl",
            "a.ps1",
            "a.bat",
            "a.ipynb",
            "package.json",
        ] {
            let begins = Instant::now();
            let mut all = Vec::new();
            references(path, text.as_bytes(), usize::MAX - 10, &mut all);
            assert!(begins.elapsed().as_secs() < 20, "{part:?} {path} {:?}", begins.elapsed());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_and_places_lie_in_them(parts in prop::collection::vec(prop_oneof![
        Just("os.environ"), Just("getenv"), Just("process.env"), Just("env::var("), Just("ENV["), Just("$_ENV"), Just("$ENV{"), Just("$env:"), Just("SecretId"), Just("op://"), Just("a/b/c"),
        Just("get_secret("), Just("GetParameter"), Just("Name"), Just("/secrets/"), Just("projects/"), Just("env:\""), Just("@Value("), Just("${"), Just("EnvVars"), Just("["), Just("]"),
        Just("("), Just(")"), Just("'"), Just("\""), Just("{"), Just("}"), Just("="), Just(","), Just("."), Just("AB"), Just("\n"), Just(" "), Just("\\"), Just("<<"), Just("$("), Just("$AB"), Just("def "), Just("#!/bin/sh\n"), Just("é"),
    ], 0..40), other in prop::collection::vec(any::<u8>(), 0..8), kind in 0..20_usize) {
        let paths = ["a.py", "a.js", "a.java", "a.rs", "a.go", "a.rb", "a.php", "a.cs", "a.c", "a.pl", "a.ex", "a.swift", "a.dart", "a.r", "a.lua", "a.ps1", "a.clj", "a.sh", "Makefile", "x"];
        let bytes = [parts.concat().as_bytes(), &other].concat();
        let mut all = Vec::new();
        references(paths[kind], &bytes, 0, &mut all);
        for one in all {
            prop_assert_eq!(Some(one.name.raw()), bytes.get(one.span.start..one.span.end));
            prop_assert!(!one.span.is_empty());
        }
    }
}
