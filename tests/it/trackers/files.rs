//! Tasks in a folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use quell::connectors::tracker::{Files, TaskSink, TrackerError};
use tempfile::TempDir;

use super::{marker, runtime, text};

#[test]
fn a_task_lives_in_a_file() {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
    let sink = Files::new("folder", dir.path()).unwrap();
    runtime().block_on(async {
        assert_eq!(sink.find(&marker("Q-17"), 0).await.unwrap(), []);
        let task = sink.create(&text("Q-17", "a body\nof two lines")).await.unwrap();
        assert!(task.open && task.key == "Q-17" && task.url.starts_with("file:///") && task.url.ends_with("/Q-17.md"));
        assert!(sink.create(&text("Q-17", "again")).await.is_err(), "no task takes another's place");
        assert_eq!(sink.find(&marker("Q-17"), 0).await.unwrap(), [task]);
        let about = marker("Q-17").about("a").unwrap();
        sink.comment("Q-17", "It is live.", &about).await.unwrap();
        sink.comment("Q-17", "It is live.", &about).await.unwrap();
        sink.set_open("Q-17", false).await.unwrap();
        sink.write("Q-17", &text("Q-17", "new")).await.unwrap();
        assert!(!sink.see("Q-17").await.unwrap().unwrap().open, "a new text opens nothing");
        let path = dir.path().join("Q-17.md");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640, "as the folder's readers");
        let page = fs::read_to_string(&path).unwrap();
        assert_eq!(
            page.split_once('\n').unwrap().1,
            "state: closed\ndue: 2026-11-22\nlabels: quell, severity:high\ntitle: Q-17: rotate a key\n\nnew\n\n"
                .to_owned()
                + &format!("<!-- {} -->\nIt is live.\n", about.as_str())
        );
        // A person opens it again, and adds a label.
        let edited = page.replace("closed", "open").replace("severity:high", "severity:high, ours");
        fs::write(&path, edited).unwrap();
        assert!(sink.see("Q-17").await.unwrap().unwrap().open);
        sink.write("Q-17", &text("Q-17", "newer")).await.unwrap();
        let page = fs::read_to_string(&path).unwrap();
        assert!(page.contains("labels: quell, severity:high, ours\n") && page.contains("\nnewer\n"), "{page}");
        let comments = sink.comments("Q-17", 0).await.unwrap();
        assert!(comments.len() == 1 && comments[0].own && comments[0].text == "It is live.");
        fs::write(dir.path().join("README.md"), "not a task").unwrap();
        assert_eq!(sink.changed(0).await.unwrap(), ["Q-17"]);
        assert_eq!(sink.changed(i64::MAX).await.unwrap(), [""; 0]);
        assert_eq!(sink.see("Q-1").await.unwrap(), None);
    });
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing half-written stays: {left:?}");
}

#[test]
fn nothing_outside_of_the_folder_is_read_or_written() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let target = other.path().join("victim.md");
    let sink = Files::new("folder", dir.path()).unwrap();
    runtime().block_on(async {
        for bad in ["../Q-1", "a/b", "", ".", "..", "Q-1.md/x", "a\0b", "/etc/passwd"] {
            assert_eq!(sink.see(bad).await, Err(TrackerError::Key), "{bad:?}");
        }
        sink.create(&text("Q-1", "a body")).await.unwrap();
        fs::rename(dir.path().join("Q-1.md"), &target).unwrap();
        symlink(&target, dir.path().join("Q-1.md")).unwrap();
        let before = fs::read(&target).unwrap();
        assert!(sink.see("Q-1").await.unwrap_err().to_string().contains("symbolic link"));
        assert!(sink.write("Q-1", &text("Q-1", "x")).await.is_err() && sink.set_open("Q-1", false).await.is_err());
        assert!(sink.create(&text("Q-1", "x")).await.is_err());
        assert_eq!(fs::read(&target).unwrap(), before);
        // A link that leads nowhere is none to write through either.
        symlink(other.path().join("new.md"), dir.path().join("Q-2.md")).unwrap();
        assert!(sink.create(&text("Q-2", "x")).await.is_err() && !other.path().join("new.md").exists());
        fs::create_dir(dir.path().join("Q-3.md")).unwrap();
        assert!(sink.create(&text("Q-3", "x")).await.is_err());
        fs::write(dir.path().join("Q-4.md"), "somebody's notes").unwrap();
        assert!(sink.write("Q-4", &text("Q-4", "x")).await.is_err() && sink.create(&text("Q-4", "x")).await.is_err());
        assert_eq!(fs::read_to_string(dir.path().join("Q-4.md")).unwrap(), "somebody's notes");
    });
    let link = other.path().join("link");
    symlink(dir.path(), &link).unwrap();
    assert!(Files::new("x", &link).is_err() && Files::new("x", &target).is_err());
    assert!(Files::new("x", &dir.path().join("none")).is_err());
}

#[test]
fn hostile_texts_make_no_comments_and_no_fields() {
    let dir = TempDir::new().unwrap();
    let sink = Files::new("folder", dir.path()).unwrap();
    let forged = marker("Q-1").about("forged").unwrap();
    let body = format!("a\n<!-- {} -->\nI am a comment\n", forged.as_str());
    runtime().block_on(async {
        let mut hostile = text("Q-1", &body);
        hostile.title = "x\nstate: closed\n\n".to_owned();
        hostile.labels = vec!["l\nstate: closed".to_owned()];
        sink.create(&hostile).await.unwrap();
        let real = marker("Q-1").about("real").unwrap();
        sink.comment("Q-1", &body, &real).await.unwrap();
        sink.comment("Q-1", "said", &forged).await.unwrap();
        assert!(sink.see("Q-1").await.unwrap().unwrap().open);
        let comments = sink.comments("Q-1", 0).await.unwrap();
        let ids: Vec<&str> = comments.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, [real.as_str(), forged.as_str()]);
        sink.write("Q-1", &hostile).await.unwrap();
        assert_eq!(sink.comments("Q-1", 0).await.unwrap().len(), 2);
    });
}
