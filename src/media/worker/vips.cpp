#include "media/worker/vips.h"

#include <dlfcn.h>

#include <algorithm>
#include <optional>

namespace perdure::media::worker {

namespace {

Vips table;

template <typename Function>
bool take(void* library, char const* name, Function& into) {
    into = reinterpret_cast<Function>(::dlsym(library, name));
    return into != nullptr;
}

bool load_all(void* from) {
    auto& v = table;
    return take(from, "vips_init", v.init) && take(from, "vips_error_buffer", v.error_buffer) &&
           take(from, "vips_error_clear", v.error_clear) &&
           take(from, "vips_concurrency_set", v.concurrency_set) &&
           take(from, "vips_cache_set_max", v.cache_set_max) &&
           take(from, "vips_block_untrusted_set", v.block_untrusted_set) &&
           take(from, "vips_operation_block_set", v.operation_block_set) &&
           take(from, "vips_image_new_from_buffer", v.image_new_from_buffer) &&
           take(from, "vips_thumbnail_buffer", v.thumbnail_buffer) &&
           take(from, "vips_image_get_width", v.image_get_width) &&
           take(from, "vips_image_get_height", v.image_get_height) &&
           take(from, "vips_image_get_orientation_swap", v.image_get_orientation_swap) &&
           take(from, "vips_image_hasalpha", v.image_hasalpha) &&
           take(from, "vips_image_get_typeof", v.image_get_typeof) &&
           take(from, "vips_image_get_blob", v.image_get_blob) &&
           take(from, "vips_image_set_blob_copy", v.image_set_blob_copy) &&
           take(from, "vips_image_remove", v.image_remove) &&
           take(from, "vips_image_get_fields", v.image_get_fields) &&
           take(from, "vips_image_get_n_pages", v.image_get_n_pages) &&
           take(from, "vips_image_get_bands", v.image_get_bands) &&
           take(from, "vips_copy", v.copy) &&
           take(from, "vips_image_copy_memory", v.image_copy_memory) &&
           take(from, "vips_array_double_new", v.array_double_new) &&
           take(from, "vips_area_unref", v.area_unref) &&
           take(from, "vips_extract_band", v.extract_band) && take(from, "vips_min", v.min) &&
           take(from, "vips_flatten", v.flatten) &&
           take(from, "vips_jpegsave_buffer", v.jpegsave_buffer) &&
           take(from, "vips_pngsave_buffer", v.pngsave_buffer) &&
           take(from, "vips_webpsave_buffer", v.webpsave_buffer) &&
           take(from, "vips_heifsave_buffer", v.heifsave_buffer) &&
           take(from, "g_object_unref", v.object_unref) && take(from, "g_free", v.free) &&
           take(from, "g_strfreev", v.strfreev);
}

Result<Vips const*> load() {
    void* const library = ::dlopen("libvips.so.42", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr || !load_all(library)) {
        return fail(Fault::unsupported, "pictures need libvips, which is not installed")
            .with_fix("apt-get install libvips42");
    }
    if (table.init("perdure") != 0) return fail(Fault::unsupported, "libvips does not start");
    // One picture at a time in each process; parallelism is more processes.
    table.concurrency_set(1);
    table.cache_set_max(0);
    // Loaders that were never hardened against strangers' bytes (ImageMagick's hundred formats,
    // PDF, OpenSlide…) stay shut; SVG is drawn here without a way to any other file.
    table.block_untrusted_set(TRUE);
    table.operation_block_set("VipsForeignLoadSvg", FALSE);
    return &table;
}

}  // namespace

Result<Vips const*> vips() {
    static Result<Vips const*> const loaded = load();
    return loaded;
}

std::string vips_complaint() {
    std::string text = table.error_buffer();
    table.error_clear();
    std::ranges::replace(text, '\n', ' ');
    if (auto const end = text.find_last_not_of(' '); end != text.npos) text.resize(end + 1);
    if (text.size() > 300) text.resize(300);
    for (auto& character : text) {
        if (static_cast<unsigned char>(character) < 0x20 ||
            static_cast<unsigned char>(character) > 0x7e) {
            character = '?';
        }
    }
    return text;
}

void Unref::operator()(VipsImage* image) const {
    table.object_unref(image);
}

}  // namespace perdure::media::worker
