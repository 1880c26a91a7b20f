/* A PROXY header of any bytes; and once there is a header, bytes behind it must not change it. */
#include <stdlib.h>
#include <string.h>

#include "decoders/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mxt_proxy whole = {0};
    enum mxt_status status = mxt_proxy_parse(data, size, &whole);
    if (status == MXT_MORE && size >= MXT_PROXY_HEAD_MAX)
        abort();
    for (size_t n = 0; n < size && n <= MXT_PROXY_HEAD_MAX; n++) {
        struct mxt_proxy part = {0};
        enum mxt_status early = mxt_proxy_parse(data, n, &part);
        if (early == MXT_MORE)
            continue;
        if (early != status || memcmp(part.src_ip, whole.src_ip, sizeof part.src_ip) != 0 || part.length != whole.length)
            abort();
    }
    return 0;
}
