//! A made-up site of any size: the same spec and seed always give the same site.

use fastrand::Rng;
use serde_json::json;

use super::corpus::{Corpus, Space, User};
use super::generate_pages::pages;

/// How big a made-up site is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusSpec {
    /// Pages of the made-up site, of every status.
    pub pages: usize,
    /// Spaces of the made-up site, among them an archived and a personal one.
    pub spaces: usize,
    /// Users of the made-up site.
    pub users: usize,
    /// Another number makes another site.
    pub seed: u64,
}

impl Default for CorpusSpec {
    fn default() -> Self {
        Self {
            pages: 400,
            spaces: 12,
            users: 300,
            seed: 1,
        }
    }
}

/// The first space's id; all ids are above 2^31, as on old sites.
const FIRST_SPACE: u64 = 3_000_000_000;
/// When all spaces were made, before any page, with and without milliseconds.
const SPACES_MADE: [&str; 2] = ["2023-09-30T12:00:00.000Z", "2023-09-30T12:00:00Z"];
/// The key of the personal space: an e-mail address, as new ones are (measured).
const PERSONAL_KEY: &str = "~zoe.obrien@example.com";

impl Corpus {
    /// Makes up a site. At least one space and one user are made, whatever is asked for.
    #[must_use]
    pub fn generate(spec: &CorpusSpec) -> Self {
        let mut rng = Rng::with_seed(spec.seed);
        let users: Vec<User> = (0..spec.users.max(1))
            .map(|index| user(&mut rng, index))
            .collect();
        let count = spec.spaces.max(1);
        let spaces: Vec<Space> = (0..count)
            .map(|index| space(&mut rng, index, count, &users))
            .collect();
        let pages = pages(&mut rng, spec.pages, &spaces, &users);
        let cloud_id = format!(
            "{:08x}-0000-4000-8000-{:012x}",
            rng.u32(..),
            rng.u64(..1 << 48)
        );
        Self {
            site: "https://example.atlassian.net".to_owned(),
            cloud_id,
            spaces,
            pages,
            users,
            purged: Vec::new(),
        }
    }
}

/// An account: mostly people, some of them gone, some without an e-mail, some of them programs.
fn user(rng: &mut Rng, index: usize) -> User {
    const NAMES: [&str; 6] = [
        "Ada Lovelace",
        "Jürgen Groß",
        "李小龙",
        "Zoë O’Brien",
        "Łukasz \"Luk\" Żak",
        "Ngozi Okafor",
    ];
    let name = format!(
        "{} {index}",
        NAMES.iter().cycle().nth(index % NAMES.len()).unwrap_or(&"")
    );
    let (account_type, account_status, display_name) = match index % 20 {
        7 => ("atlassian", "inactive", format!("{name} (Deactivated)")),
        11 => ("app", "active", format!("Bot {index}")),
        13 => ("atlassian", "closed", "Former user".to_owned()),
        17 => ("customer", "active", name.clone()),
        _ => ("atlassian", "active", name.clone()),
    };
    let email = match index % 9 {
        2 => Some(String::new()),
        5 => None,
        _ => Some(format!("user{index}@example.com")),
    };
    User {
        account_id: account_id(rng, index),
        public_name: display_name.clone(),
        display_name,
        email,
        account_type: account_type.to_owned(),
        account_status: account_status.to_owned(),
        time_zone: index.is_multiple_of(4).then(|| "Europe/Berlin".to_owned()),
        personal_space_id: None,
        is_external_collaborator: index % 31 == 30,
        profile_picture: index
            .is_multiple_of(2)
            .then(|| json!({"path": "/wiki/aa-avatar/1", "isDefault": false})),
    }
}

/// An account id in one of the three shapes that are about.
fn account_id(rng: &mut Rng, index: usize) -> String {
    match index % 3 {
        0 => format!(
            "712020:{:08x}-{:04x}-4{:03x}-8{:03x}-{index:012x}",
            rng.u32(..),
            rng.u16(..),
            rng.u16(..4096),
            rng.u16(..4096)
        ),
        1 => format!("{:016x}{index:08x}", rng.u64(..) | 1 << 62),
        _ => format!("557058:{:016x}{index:08x}", rng.u64(..)),
    }
}

/// A space: the second is archived, the last is personal, the others are teams'.
fn space(rng: &mut Rng, index: usize, count: usize, users: &[User]) -> Space {
    let author = rng.choice(users).map(|user| user.account_id.clone());
    let personal = index > 1 && index + 1 == count;
    let key = if personal {
        PERSONAL_KEY.to_owned()
    } else {
        format!("TEAM{index}")
    };
    Space {
        id: (FIRST_SPACE + index as u64 * 65_536).to_string(),
        name: if personal {
            "Zoë’s own".to_owned()
        } else {
            format!("Team “{index}” – Größe, guides and everything that newcomers ask")
        },
        space_type: if personal { "personal" } else { "global" }.to_owned(),
        status: if index == 1 { "archived" } else { "current" }.to_owned(),
        author_id: author,
        created_at: SPACES_MADE
            .get(index % 3 % 2)
            .copied()
            .unwrap_or_default()
            .to_owned(),
        current_active_alias: Some(key.clone()),
        homepage_id: (index % 4 != 3)
            .then(|| (FIRST_SPACE + index as u64 * 65_536 + 99).to_string()),
        description: index
            .is_multiple_of(3)
            .then(|| json!({"plain": {"representation": "plain", "value": "What we do"}})),
        icon: (index % 3 == 1)
            .then(|| json!({"path": "/wiki/download/icon", "apiDownloadLink": "/wiki/rest/icon"})),
        links: Some(json!({"webui": format!("/spaces/{key}")})),
        key,
    }
}

#[cfg(test)]
mod tests;
