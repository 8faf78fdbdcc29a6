//! A test's folder. Before it goes, its files are searched for the secrets that belong to it.

use std::fs;
use std::path::{Path, PathBuf};

use jubao::data_dir::KEY_NAME;
use jubao::demo::FreshFolder;
use jubao::demo::identity::DemoIdentity;

use super::records::{self, Kind};
use super::spellings::{Searcher, pieces_of_pem};

/// What the demo remembers in its folder, keys of upstreams among it.
const IDENTITY: &str = "demo.json";

/// The simulated upstreams' own memory.
const UPSTREAMS: &str = "upstreams.json";

/// A gateway's configuration, the database's password in it.
const CONFIG: &str = "jubao.toml";

/// A fresh folder that is searched and removed when its test ends.
pub struct TestFolder {
    folder: FreshFolder,
    /// How often secrets were told of before: those belong to other folders.
    before: usize,
}

impl TestFolder {
    /// Makes it.
    pub fn make() -> Self {
        let before = records::told();
        records::begin();
        Self { folder: FreshFolder::make().unwrap(), before }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let mut files = Vec::new();
        collect(self.path(), &mut files);
        let (keepers, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| keeps_secrets(file));
        keepers.iter().for_each(|file| remember(file));
        let hits = search(&others, self.before);
        // A second panic would hide the first.
        if !std::thread::panicking() {
            assert!(hits.is_empty(), "{hits:#?}");
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Whether a file is there to hold secrets: the master key, the demo's identity, keys in PEM, a test's
/// own configuration.
fn keeps_secrets(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    [KEY_NAME, IDENTITY, CONFIG].contains(&name) || name.ends_with(".pem")
}

fn remember(file: &Path) {
    let text = fs::read_to_string(file).unwrap_or_default();
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        KEY_NAME => {
            records::secret(Kind::Key, name, text.trim().as_bytes());
            if let Some(bytes) = channels::seal::from_base64(text.trim()) {
                records::secret(Kind::Key, name, &bytes);
            }
        }
        IDENTITY => {
            let folder = file.parent().unwrap_or(file);
            remember_identity(&DemoIdentity::load(folder).unwrap());
        }
        CONFIG => {
            let addresses = text.lines().filter(|line| line.starts_with("database = 'postgres:"));
            let passwords = addresses.filter_map(|line| line.split([':', '@']).nth(2));
            passwords.for_each(|one| records::secret(Kind::Key, name, one.as_bytes()));
        }
        _ if text.contains("PRIVATE KEY") && text.len() > 200 => remember_pem(name, &text),
        _ => {}
    }
}

/// Remembers the secrets of a demo.
pub fn remember_identity(identity: &DemoIdentity) {
    records::secret(Kind::Key, "an APIv3 key", identity.wechat_apiv3_key.as_bytes());
    for (name, key) in [
        ("an API key of WeChat Pay v2", &identity.wechat_v2_api_key),
        ("an API key of Hong Kong's WeChat Pay v2", &identity.wechat_hk_api_key),
        ("EasyLink's secret", &identity.chinaums_secret_key),
    ] {
        records::secret(Kind::Key, name, key.as_bytes());
    }
    remember_pem("MAPI's key", &identity.alipay_mapi_platform.private);
    remember_pem("our key at UnionPay", &identity.unionpay_merchant.private);
    remember_pem("UnionPay's key", &identity.unionpay_platform.private);
    remember_pem("our key at Alipay", &identity.alipay_merchant.private);
    remember_pem("Alipay's key", &identity.alipay_platform.private);
    remember_pem("our key at WeChat Pay", &identity.wechat_merchant.private);
    remember_pem("WeChat Pay's key", &identity.wechat_platform.private);
}

fn remember_pem(name: &str, pem: &str) {
    pieces_of_pem(pem).iter().for_each(|piece| records::secret(Kind::Key, name, piece));
}

/// Looks in files for every key, password and payer's code that was told of after the first `before`;
/// upstreams may know codes.
fn search(files: &[PathBuf], before: usize) -> Vec<String> {
    let secrets = records::told_since(before);
    let of = |kinds: &[Kind]| {
        let wanted = secrets.iter().filter(|(kind, _, _)| kinds.contains(kind));
        Searcher::new(wanted.map(|(_, name, bytes)| (name.as_str(), bytes.as_slice())))
    };
    let (in_ours, in_upstreams) =
        (of(&[Kind::Key, Kind::Code, Kind::Password]), of(&[Kind::Key, Kind::Password]));
    let mut hits = Vec::new();
    for file in files {
        let is_upstreams = file.file_name().is_some_and(|name| name == UPSTREAMS);
        let searcher = if is_upstreams { &in_upstreams } else { &in_ours };
        // What is gone by now holds nothing.
        let bytes = fs::read(file).unwrap_or_default();
        let found = searcher.hits(&bytes).into_iter();
        hits.extend(found.map(|(line, name)| format!("{}:{line}: {name}", file.display())));
    }
    hits
}

#[cfg(test)]
mod tests {
    use jubao::demo::identity::MERCHANT;

    use super::*;

    #[test]
    fn a_key_that_all_tests_share_is_looked_for_in_every_folder() {
        for _ in 0..2 {
            let folder = TestFolder::make();
            let file = folder.path().join("jubao.db");
            fs::write(&file, MERCHANT.key).unwrap();
            assert_eq!(search(std::slice::from_ref(&file), folder.before).len(), 1);
            fs::remove_file(&file).unwrap();
        }
    }

    #[test]
    fn a_folder_knows_its_secrets_and_finds_them_in_its_other_files() {
        let folder = TestFolder::make();
        let (key, plain) = (folder.path().join(KEY_NAME), folder.path().join("jubao.db"));
        let text = channels::seal::base64(&gateway::ids::random_bytes::<32>());
        fs::write(&key, format!("{text}\n")).unwrap();
        let files = |folder: &TestFolder| {
            let mut files = Vec::new();
            collect(folder.path(), &mut files);
            files
        };
        assert!(keeps_secrets(&key) && !keeps_secrets(&plain));
        remember(&key);
        fs::write(&plain, "nothing").unwrap();
        assert_eq!(search(std::slice::from_ref(&plain), folder.before), Vec::<String>::new());
        fs::write(&plain, format!("line\n{text}")).unwrap();
        assert_eq!(
            search(std::slice::from_ref(&plain), folder.before),
            [format!("{}:2: {KEY_NAME}", plain.display())]
        );
        fs::remove_file(&plain).unwrap();
        assert_eq!(files(&folder), [key]);
    }
}
