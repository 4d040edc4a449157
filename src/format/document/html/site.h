#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/format.h"

namespace perdure::format {

/// What a site lists records by, in the order of the menu.
enum class GroupKind : std::uint8_t { month, collection, project, category, tag };

struct GroupNaming {
    GroupKind kind;
    std::string_view folder;     ///< of its pages: "tags"
    std::string_view one, many;  ///< "tag", "Tags"
    std::string_view role;       ///< of the mapping; empty: always there
};
GroupNaming const& naming_of(GroupKind kind);
std::vector<GroupNaming> const& group_namings();

/// What every page of one site shares.
struct Site {
    ExportInfo info;
    std::string title;
    bool has_media = false;
    bool one_record_a_page = true;
    bool shows(GroupKind kind) const;
};
Site site_of(ExportInfo const& info);

/// A page but for the frame that all of them have.
struct Page {
    std::string title;        ///< page_text()
    std::string root;         ///< "../" once for each folder the page lies in
    std::string section;      ///< of the menu: "tags", "search", …
    std::string description;  ///< for machines; may be empty
    std::string main;         ///< markup
    std::string main_class;
    std::string next, previous;  ///< addresses, or empty
    bool searches = false;
};

/// The whole page. It loads nothing but the archive's own files: the policy in its head allows
/// scripts, styles and pictures from where the page came from ("file:" because 'self' matches
/// nothing there in Chromium) and nothing else, inline least of all.
std::string render_page(Site const& site, Page const& page);

/// The address of a group's page from the site's root, without ".html" and page number.
std::string group_path(GroupKind kind, std::string_view label);
/// A link to it: `<a href="…">label</a>`.
std::string group_link(GroupKind kind, std::string_view label, std::string_view root);
/// What a group is called: months are spoken, nothing is "None".
std::string group_title(GroupKind kind, std::string_view label);

}  // namespace perdure::format
