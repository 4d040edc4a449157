#pragma once

#include "format/document/html/site.h"
#include "format/document/kept_spool.h"
#include "format/document/media_shelf.h"
#include "format/document/put_file.h"

namespace perdure::format {

/// One picture of the photo pages.
struct Photo {
    std::string preview, original;  ///< paths from the site's root
    unsigned width = 0, height = 0;
    std::string words;    ///< its caption
    std::string address;  ///< of the record
    std::string title;    ///< of the record
};

/// The photo pages, in the order of the records. Threads: one.
class Gallery {
public:
    Gallery(OutputTree& tree, Tally& tally) : tree_(tree), tally_(tally), photos_(tree, "photos") {}
    Result<void> add(ShownMedia const& media, std::string const& address, std::string const& title);
    Result<void> write(Site const& site, std::stop_token stop);
    std::uint64_t photos() const { return count_; }
    /// Some of the newest, for the first page.
    std::vector<Photo> const& latest() const { return latest_; }

    Result<void> save(Encoder& out);
    Result<void> load(Decoder& in);

private:
    OutputTree& tree_;
    Tally& tally_;
    KeptSpool photos_;
    std::uint64_t count_ = 0;
    std::vector<Photo> latest_;
};

std::string render_photo(Photo const& photo, std::string_view root);

}  // namespace perdure::format
