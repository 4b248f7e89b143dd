"""The networks as PyTorch modules, with the names used by the repositories whose checkpoints should load."""
import torch
from torch import nn
from torch.nn import functional as F

VGG_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDE_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


def scaled(channels, width):
    return max(1, int(channels * width + 0.5))


class Vgg(nn.Module):
    def __init__(self, depth, batch_norm, width):
        super().__init__()
        layers, channels = [], 3
        for repeats, base in zip(VGG_STAGES[depth], (64, 128, 256, 512, 512)):
            for _ in range(repeats):
                layers.append(nn.Conv2d(channels, scaled(base, width), 3, padding=1))
                channels = scaled(base, width)
                if batch_norm:
                    layers.append(nn.BatchNorm2d(channels))
                layers.append(nn.ReLU())
            layers.append(nn.MaxPool2d(2))
        layers.append(nn.AvgPool2d(1))  # an identity on the one remaining pixel; needed only for the numbering
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class PadShortcut(nn.Module):
    """Option A of He et al. 2015: every second pixel, and zero channels on both sides."""

    def __init__(self, planes):
        super().__init__()
        self.pad = planes // 4

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))


class BasicBlock(nn.Module):
    def __init__(self, inputs, planes, stride, option):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride == 1 and inputs == planes:
            return
        if option == "A":
            self.shortcut = PadShortcut(planes)
        else:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, blocks, planes, option):
        super().__init__()
        self.conv1 = nn.Conv2d(3, planes[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes[0])
        self.stages, inputs = len(blocks), planes[0]
        for stage, (count, channels) in enumerate(zip(blocks, planes)):
            layer = []
            for block in range(count):
                layer.append(BasicBlock(inputs, channels, 2 if stage > 0 and block == 0 else 1, option))
                inputs = channels
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.linear = nn.Linear(inputs, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(x.mean((2, 3)))


class Mlp(nn.Module):
    def __init__(self, hidden, width):
        super().__init__()
        sizes = [3 * 32 * 32] + [scaled(units, width) for units in hidden] + [10]
        self.layers = len(sizes) - 1
        for i in range(self.layers):
            setattr(self, f"fc{i + 1}", nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(1, self.layers):
            x = F.relu(getattr(self, f"fc{i}")(x))
        return getattr(self, f"fc{self.layers}")(x)


def make(name, width=1.0, shortcut="A", hidden=(512, 512)):
    """The network of a "model" configuration with the same keys."""
    if name == "mlp":
        return Mlp(hidden, width)
    if name.startswith("vgg"):
        return Vgg(int(name[3:5]), name.endswith("_bn"), width)
    depth = int(name[6:])
    if depth in WIDE_BLOCKS:
        return ResNet(WIDE_BLOCKS[depth], [scaled(c, width) for c in (64, 128, 256, 512)], "B")
    return ResNet([(depth - 2) // 6] * 3, [scaled(c, width) for c in (16, 32, 64)], shortcut)


def randomise(model, seed=0):
    """Sets weights without special values: scales other than one and biases other than zero reveal wrong names and
    wrong folds. The running statistics are near those of random images, so that signals neither vanish nor explode in
    110 layers."""
    torch.manual_seed(seed)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    module.bias.normal_(std=0.2)
        for norm in norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(std=0.2)
        set_running_statistics(model, torch.randn(8, 3, 32, 32))
        for norm in norms:
            norm.running_mean += 0.2 * torch.randn_like(norm.running_mean) * norm.running_var.sqrt()
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.4)
    return model.eval()


def set_running_statistics(model, images):
    """Sets the running statistics to the mean and unbiased variance of one batch."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(images)
    model.eval()
    for norm in norms:
        norm.momentum = 0.1


def tensors_of(model):
    """The state_dict without num_batches_tracked, in its order."""
    return {name: t for name, t in model.state_dict().items() if not name.endswith("num_batches_tracked")}


def normalise(images, mean, std):
    """uint8 [N, 3, H, W] -> float64."""
    shape = (1, -1, 1, 1)
    pixels = torch.as_tensor(images).double() / 255
    return (pixels - torch.tensor(mean, dtype=torch.float64).view(shape)) / torch.tensor(std, dtype=torch.float64).view(shape)
