#include "format/document/html/gallery.h"

#include <fmt/format.h>

#include "format/document/body/links.h"
#include "format/document/dates.h"
#include "format/document/html/groups.h"
#include "format/document/page_text.h"

namespace perdure::format {

namespace {

constexpr std::uint64_t photos_a_page = 60;
constexpr std::size_t latest_max = 8;
constexpr std::size_t text_max = 8192;

void save_photo(Encoder& out, Photo const& photo) {
    for (auto const* text :
         {&photo.preview, &photo.original, &photo.words, &photo.address, &photo.title}) {
        out.text(*text);
    }
    out.varint(photo.width);
    out.varint(photo.height);
}

Result<Photo> load_photo(Decoder& in) {
    Photo photo;
    for (auto* text :
         {&photo.preview, &photo.original, &photo.words, &photo.address, &photo.title}) {
        PD_TRY(*text, in.text(text_max));
    }
    PD_TRY(auto const width, in.varint());
    PD_TRY(auto const height, in.varint());
    photo.width = static_cast<unsigned>(width);
    photo.height = static_cast<unsigned>(height);
    return photo;
}

std::string photos_address(std::uint64_t page) {
    return page == 1 ? "index.html" : fmt::format("page-{}.html", page);
}

}  // namespace

Result<void> Gallery::add(ShownMedia const& media, std::string const& address,
                          std::string const& title) {
    bool const direct = media.shown_directly && !media.original.empty();
    if (media.preview.empty() && !direct) return {};
    Photo photo{.preview = media.preview.empty() ? media.original : media.preview,
                .original = direct ? media.original : media.preview,
                .width = media.width,
                .height = media.height,
                .words = shortened(media.description.empty() ? media.name : media.description, 400),
                .address = address,
                .title = shortened(title, 200)};
    Encoder out;
    save_photo(out, photo);
    ++count_;
    latest_.push_back(std::move(photo));
    if (latest_.size() > latest_max) latest_.erase(latest_.begin());
    return photos_.append_frame(out.view());
}

std::string render_photo(Photo const& photo, std::string_view root) {
    std::string size;
    if (photo.width > 0) {
        size = fmt::format(R"( width="{}" height="{}")", photo.width, photo.height);
    }
    return fmt::format(
        R"(<li><figure><a class="photo" href="{0}{1}"><img src="{0}{2}"{3} alt="{4}" )"
        R"(loading="lazy" decoding="async"></a><figcaption><a href="{0}{5}" )"
        R"(dir="auto">{6}</a></figcaption></figure></li>
)",
        root, url_path(photo.original), url_path(photo.preview), size, escaped(photo.words),
        escaped(photo.address), escaped(photo.title));
}

Result<void> Gallery::write(Site const& site, std::stop_token stop) {
    auto const pages = std::max<std::uint64_t>((count_ + photos_a_page - 1) / photos_a_page, 1);
    std::uint64_t number = 1, on_page = 0;
    std::string items;
    auto const put_page = [&]() -> Result<void> {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        Page page{.title = "Photos", .root = "../", .section = "photos"};
        page.main = fmt::format("<h1>Photos</h1>\n<p class=\"lede\">{}</p>\n",
                                count_ == 0 ? "No record has a picture that can be shown."
                                            : counted(count_, "picture", "pictures"));
        if (!items.empty()) page.main += fmt::format("<ul class=\"gallery\">\n{}</ul>\n", items);
        page.main += render_pager(number, pages, photos_address);
        PD_CHECK(put_file(tree_, tally_, "photos/" + photos_address(number),
                          render_page(site, page), {.modified = site.info.as_of}));
        ++number;
        on_page = 0;
        items.clear();
        return {};
    };
    PD_CHECK(photos_.frames([&](ByteView frame) -> Result<void> {
        Decoder in(frame);
        PD_TRY(auto const photo, load_photo(in));
        items += render_photo(photo, "../");
        return ++on_page == photos_a_page ? put_page() : Result<void>();
    }));
    return on_page > 0 || number == 1 ? put_page() : Result<void>();
}

Result<void> Gallery::save(Encoder& out) {
    PD_CHECK(photos_.flush());
    out.varint(photos_.size_bytes());
    out.varint(count_);
    out.varint(latest_.size());
    for (auto const& photo : latest_) save_photo(out, photo);
    return {};
}

Result<void> Gallery::load(Decoder& in) {
    PD_TRY(auto const size, in.varint());
    PD_CHECK(photos_.resume(size));
    PD_TRY(count_, in.varint());
    PD_TRY(auto const latest, in.varint());
    for (std::uint64_t i = 0; i < latest; ++i) {
        PD_TRY(auto photo, load_photo(in));
        latest_.push_back(std::move(photo));
    }
    return {};
}

}  // namespace perdure::format
