//! web: everything of Jubao Pay that speaks HTTP or is looked at in a browser.

pub mod assets;
pub mod browser;
pub mod cashier;
pub mod landing;
pub mod language;
pub mod page;
