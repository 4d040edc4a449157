#include "media/worker/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "media/worker/tags.h"
#include "media/worker/vips.h"

namespace perdure::media::worker {

namespace {

/// Decoders fail for want of memory in many words; a clear one is worth a second look.
Error undecodable(std::string const& complaint) {
    bool const is_format = complaint.find("not in a known format") != complaint.npos ||
                           complaint.find("blocked") != complaint.npos;
    if (is_format) return fail(Fault::unsupported, "not a picture that can be shown");
    return fail(Fault::corrupt, "the picture cannot be decoded: " + complaint);
}

/// Opens without decoding: the header alone.
Result<Image> open_header(Vips const& v, ByteView file) {
    Image image(v.image_new_from_buffer(file.data(), file.size(), "", nullptr));
    if (!image) return undecodable(vips_complaint());
    return image;
}

/// The size of one page; animations are as many pages below each other only when asked for.
Result<void> check_pixels(Vips const& v, VipsImage* image, std::uint64_t pixels_max) {
    auto const pixels = static_cast<std::uint64_t>(v.image_get_width(image)) *
                        static_cast<std::uint64_t>(v.image_get_height(image));
    if (pixels <= pixels_max) return {};
    return fail(
        Fault::exhausted,
        fmt::format("a picture of {} x {} pixels is more than the limit of {} million",
                    v.image_get_width(image), v.image_get_height(image), pixels_max / 1'000'000));
}

ByteView blob(Vips const& v, VipsImage* image, char const* name) {
    if (v.image_get_typeof(image, name) == 0) return {};
    void const* data = nullptr;
    std::size_t size = 0;
    if (v.image_get_blob(image, name, &data, &size) != 0) {
        v.error_clear();
        return {};
    }
    return {static_cast<std::byte const*>(data), size};
}

void set_or_remove(Vips const& v, VipsImage* image, char const* name, ByteView bytes) {
    if (bytes.empty()) {
        v.image_remove(image, name);
    } else {
        v.image_set_blob_copy(image, name, bytes.data(), bytes.size());
    }
}

/// A buffer that the library allocated.
Bytes take_buffer(Vips const& v, void* data, std::size_t size) {
    auto const* bytes = static_cast<std::byte const*>(data);
    Bytes out(bytes, bytes + size);
    v.free(data);
    return out;
}

/// Whether any pixel is not opaque: most pictures with an alpha channel have none.
bool is_transparent(Vips const& v, VipsImage* image) {
    if (v.image_hasalpha(image) == FALSE) return false;
    VipsImage* band = nullptr;
    if (v.extract_band(image, &band, v.image_get_bands(image) - 1, nullptr) != 0) return true;
    Image const alpha(band);
    double lowest = 0;
    if (v.min(alpha.get(), &lowest, nullptr) != 0) return true;
    return lowest < 255;
}

struct Fitting {
    unsigned edge;
    char const* load_options = "";
    VipsFailOn fail_on = VIPS_FAIL_ON_NONE;
};

/// Upright, in sRGB, at most `edge` on its longer side, never enlarged. Decoders that can shrink
/// while they decode do.
Result<Image> fit(Vips const& v, ByteView file, Fitting const& fitting) {
    VipsImage* out = nullptr;
    int const edge = static_cast<int>(std::min(fitting.edge, 100'000U));
    if (v.thumbnail_buffer(const_cast<std::byte*>(file.data()), file.size(), &out, edge, "height",
                           edge, "size", VIPS_SIZE_DOWN, "export_profile", "srgb", "option_string",
                           fitting.load_options, "fail_on", fitting.fail_on, nullptr) != 0) {
        return undecodable(vips_complaint());
    }
    return Image(out);
}

}  // namespace

Result<Answer> inspect_picture(Task const& task, ByteView file) {
    Answer answer;
    auto& facts = answer.facts;
    facts.media_type = task.media_type;
    auto tags = read_tags(file);
    facts.width = tags.turned ? tags.height : tags.width;
    facts.height = tags.turned ? tags.width : tags.height;
    if (auto const v = vips(); v) {
        if (auto const image = open_header(**v, file)) {
            auto* const header = image->get();
            bool const turned = (*v)->image_get_orientation_swap(header) != FALSE;
            facts.width = static_cast<unsigned>((*v)->image_get_width(header));
            facts.height = static_cast<unsigned>((*v)->image_get_height(header));
            if (turned) std::swap(facts.width, facts.height);
            tags = joined(tags,
                          read_tags(blob(**v, header, "exif-data"), blob(**v, header, "xmp-data")));
        }
    }
    facts.taken = tags.taken;
    facts.caption = tags.caption;
    facts.located = tags.located;
    return answer;
}

Result<Answer> preview_picture(Task const& task, ByteView file) {
    PD_TRY(auto const* v, vips());
    PD_TRY(auto const header, open_header(*v, file));
    PD_CHECK(check_pixels(*v, header.get(), task.pixels_max));
    PD_TRY(auto const fitted, fit(*v, file, {.edge = task.edge}));
    // Decoders give their lines once, and the search for transparent pixels takes them.
    Image const image(v->image_copy_memory(fitted.get()));
    if (!image) return undecodable(vips_complaint());
    bool const transparent = is_transparent(*v, image.get());
    void* data = nullptr;
    std::size_t size = 0;
    int const failed = transparent ? v->pngsave_buffer(image.get(), &data, &size, "strip", TRUE,
                                                       "compression", 6, nullptr)
                                   : v->jpegsave_buffer(image.get(), &data, &size, "Q", 82, "strip",
                                                        TRUE, "optimize_coding", TRUE, nullptr);
    if (failed != 0) return undecodable(vips_complaint());
    Answer answer;
    answer.bytes = take_buffer(*v, data, size);
    answer.facts.media_type = transparent ? "image/png" : "image/jpeg";
    answer.facts.width = static_cast<unsigned>(v->image_get_width(image.get()));
    answer.facts.height = static_cast<unsigned>(v->image_get_height(image.get()));
    return answer;
}

namespace {

PictureFormat format_of(std::string_view media_type) {
    if (media_type == "image/jpeg") return PictureFormat::jpeg;
    if (media_type == "image/webp") return PictureFormat::webp;
    if (media_type == "image/avif") return PictureFormat::avif;
    return PictureFormat::same;
}

/// The format to write: what was asked for, else its own, else what fits (a shrunken PNG stays
/// PNG; a HEIC, which nobody here may encode, becomes a JPEG).
std::string_view target_type(Task const& task) {
    switch (task.wanted.picture) {
        case PictureFormat::jpeg:
            return "image/jpeg";
        case PictureFormat::webp:
            return "image/webp";
        case PictureFormat::avif:
            return "image/avif";
        case PictureFormat::same:
            break;
    }
    if (format_of(task.media_type) != PictureFormat::same) return task.media_type;
    return task.media_type == "image/png" || task.media_type == "image/gif" ? "image/png"
                                                                            : "image/jpeg";
}

/// Takes metadata out of an image before it is saved.
void strip_image(Vips const& v, VipsImage* image, Strip strip) {
    if (strip == Strip::nothing) return;
    set_or_remove(v, image, "exif-data", strip_exif(blob(v, image, "exif-data"), strip));
    set_or_remove(v, image, "xmp-data", strip_xmp(blob(v, image, "xmp-data"), strip));
    v.image_remove(image, "iptc-data");
    v.image_remove(image, "photoshop-data");
    // libvips writes single EXIF values back over the blob: ifd3 is the place.
    gchar** const fields = v.image_get_fields(image);
    std::vector<std::string> names;
    for (gchar** field = fields; field != nullptr && *field != nullptr; ++field) {
        names.emplace_back(*field);
    }
    v.strfreev(fields);
    std::string_view const prefix = strip == Strip::everything ? "exif-ifd" : "exif-ifd3";
    for (auto const& name : names) {
        bool const text = name.starts_with("png-comment") || name == "jpeg-comment" ||
                          name == "gif-comment" || name == "image-description";
        if (name.starts_with(prefix) || (strip == Strip::everything && text)) {
            v.image_remove(image, name.c_str());
        }
    }
}

/// What JPEG cannot hold, shown on paper; null where there is nothing transparent.
Result<Image> on_white(Vips const& v, VipsImage* image) {
    if (v.image_hasalpha(image) == FALSE) return Image();
    VipsImage* flat = nullptr;
    constexpr double white = 255;
    auto* const background = v.array_double_new(&white, 1);
    int const failed = v.flatten(image, &flat, "background", background, nullptr);
    v.area_unref(reinterpret_cast<VipsArea*>(background));
    if (failed != 0) return undecodable(vips_complaint());
    return Image(flat);
}

Result<Bytes> save(Vips const& v, VipsImage* image, std::string_view type, unsigned quality) {
    void* data = nullptr;
    std::size_t size = 0;
    int failed = 1;
    int const q = static_cast<int>(std::clamp(quality, 1U, 100U));
    if (type == "image/jpeg") {
        PD_TRY(auto const opaque, on_white(v, image));
        failed = v.jpegsave_buffer(opaque ? opaque.get() : image, &data, &size, "Q", q,
                                   "optimize_coding", TRUE, nullptr);
    } else if (type == "image/webp") {
        failed = v.webpsave_buffer(image, &data, &size, "Q", q, nullptr);
    } else if (type == "image/avif") {
        failed = v.heifsave_buffer(image, &data, &size, "Q", q, "compression",
                                   VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "effort", 2, nullptr);
    } else {
        failed = v.pngsave_buffer(image, &data, &size, "compression", 6, nullptr);
    }
    if (failed != 0) {
        return fail(Fault::unsupported,
                    fmt::format("it cannot be made {}: {}", type, vips_complaint()));
    }
    return take_buffer(v, data, size);
}

Result<Answer> encode_again(Task const& task, ByteView file) {
    PD_TRY(auto const* v, vips());
    PD_TRY(auto const header, open_header(*v, file));
    PD_CHECK(check_pixels(*v, header.get(), task.pixels_max));
    auto const type = target_type(task);
    bool const animated = v->image_get_n_pages(header.get()) > 1 && type == "image/webp" &&
                          (task.media_type == "image/gif" || task.media_type == "image/webp");
    auto const edge = task.wanted.edge_max != 0 ? task.wanted.edge_max : 100'000U;
    PD_TRY(auto const fitted, fit(*v, file,
                                  {.edge = edge,
                                   .load_options = animated ? "[n=-1]" : "",
                                   .fail_on = VIPS_FAIL_ON_TRUNCATED}));
    VipsImage* writable = nullptr;  // metadata of a shared image must not change
    if (v->copy(fitted.get(), &writable, nullptr) != 0) return undecodable(vips_complaint());
    Image const image(writable);
    strip_image(*v, image.get(), task.wanted.strip);
    Answer answer;
    PD_TRY(answer.bytes, save(*v, image.get(), type, task.wanted.quality));
    answer.facts.media_type = type;
    return answer;
}

bool must_go(Tags const& tags, Strip strip) {
    return strip == Strip::everything ? tags.any : strip == Strip::location && tags.located;
}

/// All that is known of a file's metadata, from both libraries.
Tags all_tags(ByteView file) {
    auto tags = read_tags(file);
    auto const v = vips();
    if (!v) return tags;
    auto const image = open_header(**v, file);
    if (!image) return tags;
    auto const exif = blob(**v, image->get(), "exif-data");
    auto const xmp = blob(**v, image->get(), "xmp-data");
    auto more = joined(tags, read_tags(exif, xmp));
    more.any = more.any || !xmp.empty();
    return more;
}

/// GIF and SVG hold what neither library tells.
bool may_hide_metadata(std::string_view media_type, ByteView file) {
    auto const text = as_text(file);
    if (media_type == "image/gif") return text.find("XMP DataXMP") != text.npos;
    if (media_type == "image/svg+xml") return text.find("<metadata") != text.npos;
    return false;
}

Result<Answer> strip_only(Task const& task, ByteView file) {
    auto const strip = task.wanted.strip;
    if (strip == Strip::nothing) return Answer();
    bool const hidden = may_hide_metadata(task.media_type, file);
    if (!hidden && !must_go(all_tags(file), strip)) return Answer();
    if (hidden) {
        return fail(Fault::unsupported,
                    fmt::format("metadata of {} cannot be taken out", task.media_type));
    }
    Answer answer;
    auto stripped = strip_tags(file, task.media_type, strip);
    if (!stripped && stripped.error().fault() == Fault::unsupported) {
        return encode_again(task, file);
    }
    PD_TRY(answer.bytes, std::move(stripped));
    answer.facts.media_type = task.media_type;
    return answer;
}

/// Whether the picture has to be encoded anew at all.
Result<bool> must_encode(Task const& task, ByteView file) {
    auto const& wanted = task.wanted;
    if (wanted.picture != PictureFormat::same && format_of(task.media_type) != wanted.picture) {
        return true;
    }
    if (wanted.edge_max == 0) return false;
    PD_TRY(auto const* v, vips());
    PD_TRY(auto const header, open_header(*v, file));
    return static_cast<unsigned>(std::max(v->image_get_width(header.get()),
                                          v->image_get_height(header.get()))) > wanted.edge_max;
}

}  // namespace

Result<Answer> convert_picture(Task const& task, ByteView file) {
    PD_TRY(bool const encode, must_encode(task, file));
    PD_TRY(auto answer, encode ? encode_again(task, file) : strip_only(task, file));
    if (answer.bytes.empty()) return answer;
    auto const tags = all_tags(answer.bytes);
    if (task.wanted.strip != Strip::nothing && tags.located) {
        return fail(Fault::unsupported, "its location cannot be taken out for sure");
    }
    Task again{.media_type = answer.facts.media_type};
    PD_TRY(auto inspected, inspect_picture(again, answer.bytes));
    answer.facts = std::move(inspected.facts);
    return answer;
}

}  // namespace perdure::media::worker
