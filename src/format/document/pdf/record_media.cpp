#include <fmt/format.h>

#include <algorithm>

#include "format/document/dates.h"
#include "format/document/pdf/file/picture.h"
#include "format/document/pdf/record_items.h"

namespace perdure::format::pdf {

namespace {

constexpr unsigned edge_alone = 1400, edge_in_row = 900;
/// Below so many pixels an inch a picture is not enlarged further.
constexpr double pixels_an_inch_min = 110;

/// A medium as far as it can be shown.
struct Shown {
    MediaFile file;
    std::optional<Picture> picture;
};

std::string stem(std::string const& name) {
    auto const dot = name.rfind('.');
    return page_text(dot == name.npos || dot == 0 ? name : name.substr(0, dot));
}

std::string caption_of(MediaFile const& file) {
    auto text = page_text(file.description);
    if (text.empty()) text = stem(file.name);
    if (file.taken) text += fmt::format("  \u00b7  {}", spoken_date(*file.taken));
    return text;
}

/// A line in the place of a medium that is no picture, or is not there.
Item note(RecordSetting const& setting, std::string const& text) {
    return {.lines = setting.typesetter.set(text, setting.look.small()), .before = 7};
}

void fit(std::vector<Figure>& figures, Look const& look) {
    double const gap = 10, width = look.paper.text_width();
    double ratios = 0;
    for (auto const& figure : figures) ratios += figure.width / figure.height;
    double const most = look.paper.height * (figures.size() == 1 ? 0.42 : 0.30);
    double height =
        std::min((width - gap * static_cast<double>(figures.size() - 1)) / ratios, most);
    for (auto const& figure : figures) {
        height = std::min(height, figure.height * 72 / pixels_an_inch_min);
    }
    for (auto& figure : figures) {
        figure.width *= height / figure.height;
        figure.height = height;
    }
}

void append_figures(RecordSetting const& setting, std::vector<Item>& items,
                    std::vector<Shown> const& shown) {
    Item item{.tag = "Figure", .before = setting.look.size * 1.1};
    for (auto const& one : shown) {
        item.figures.push_back({.picture = one.picture->number,
                                .width = static_cast<double>(one.picture->width),
                                .height = static_cast<double>(one.picture->height)});
    }
    fit(item.figures, setting.look);
    for (std::size_t i = 0; i < shown.size(); ++i) {
        auto& figure = item.figures[i];
        auto style = setting.look.small();
        style.width = std::max(figure.width, 60.0);
        style.leading = 1.35;
        figure.alt = caption_of(shown[i].file);
        figure.caption = setting.typesetter.set(shortened(figure.alt, 600), style);
    }
    items.push_back(std::move(item));
}

Result<Shown> open_medium(RecordSetting const& setting, data::MediaRef const& reference,
                          unsigned edge, MediaLibrary& media, std::stop_token stop) {
    Shown shown;
    PD_TRY(shown.file, media.open(reference, stop));
    if (!shown.file.media_type.starts_with("image/") &&
        !shown.file.media_type.starts_with("video/")) {
        return shown;
    }
    PD_TRY(auto const preview, media.preview(reference, edge, stop));
    PD_TRY(shown.picture, add_preview(setting.objects, preview));
    return shown;
}

std::string attachment_text(MediaFile const& file) {
    return fmt::format("Attached: {}  \u00b7  {}  \u00b7  {}", page_text(file.name),
                       file.media_type, spoken_size(file.size_bytes));
}

}  // namespace

Result<void> append_media(RecordSetting const& setting, std::vector<Item>& items,
                          data::Record const& record, MediaLibrary& media, std::stop_token stop) {
    std::vector<Shown> row;
    std::vector<Item> notes;
    auto const edge = record.media.size() == 1 ? edge_alone : edge_in_row;
    for (auto const& reference : record.media) {
        auto shown = open_medium(setting, reference, edge, media, stop);
        if (!shown && shown.error().fault() == Fault::cancelled) return shown.error();
        if (!shown) {
            auto const name = page_text(reference.path);
            setting.tally.omit(record, "", fmt::format("{}: {}", name, shown.error().message()));
            notes.push_back(note(setting, fmt::format("Not shown: {}  \u00b7  {}", name,
                                                      page_text(shown.error().message()))));
            continue;
        }
        ++setting.tally.summary().media;
        if (!shown->picture) {
            notes.push_back(note(setting, attachment_text(shown->file)));
            continue;
        }
        row.push_back(std::move(*shown));
        if (row.size() < 2) continue;
        append_figures(setting, items, row);
        row.clear();
    }
    if (!row.empty()) append_figures(setting, items, row);
    for (auto& one : notes) items.push_back(std::move(one));
    return {};
}

}  // namespace perdure::format::pdf
